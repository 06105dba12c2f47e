/** The verifier in a thread of its own, so that a large bundle never stops the page. One question, then it ends. */

import type { Answer, Question } from "./work";
import { work } from "./work";

const scope = self as unknown as {
  onmessage: ((message: MessageEvent<Question>) => void) | null;
  postMessage: (answer: Answer) => void;
};

scope.onmessage = ({ data }) => void work(data, (answer) => scope.postMessage(answer));
