/**
 * The kernel in a page: `answerTo` for whoever drives the browser.
 */
import { answerTo } from "./actions";

Object.assign(globalThis, { answerTo });
