/**
 * The kernel on standard input and output: a question a line, an answer a line.
 */
import { createInterface } from "node:readline";
import { answerTo, type Asked } from "./actions";

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(JSON.parse(line) as Asked))}\n`);
}
