/** Words about watches in English. */

export const en = {
  noted: "Your looking is on the ledger too: what you search for and open here leaves entries of its own.",
  over: {
    expired: "Your look is over",
    ended: "Your look is over",
    spent: "Your look is over",
  },
  why: {
    expired: "A look lasts an hour at most, so what was shown here has been taken off the screen.",
    ended: "It was ended, so what was shown here has been taken off the screen.",
    spent: "As many pages were shown as one look allows.",
  },
  again: "Look again",
  whoLog: "your organisation for the role of a privacy officer",
  whoAdministration: "your organisation for the role of an administrator",
};
