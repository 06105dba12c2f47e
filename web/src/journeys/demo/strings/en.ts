/** English. */

export const en = {
  title: "Play a visit yourself",
  about: (clinic: string) =>
    `${clinic} is made up and lives on this machine. Open each person in a tab of its own: every tab is somebody else, with keys of its own.`,
  stale:
    "The demonstration does not answer any more. What is shown may be old; start it again in the terminal.",
  closed: "This page belongs to a demonstration",
  closedText:
    "The links to everybody in it are shown only to whoever has the whole address. Start `make demo` and open the address that it prints.",
  parts: {
    clinician: {
      name: "Clinician",
      todo: "Open first. You see today's patients, admit them, write notes, record, and can break the glass.",
    },
    patient: {
      name: "Patient",
      todo: "Test camera and microphone, agree or not, wait in line, and talk. Then see who read your record.",
    },
    auditor: {
      name: "Auditor",
      todo: "Watch every access as it happens, open a decision, and replay it. An emergency waits for your judgement.",
    },
    administrator: {
      name: "Administrator",
      todo: "See the node's health, people, devices, policies and contracts.",
    },
  },
  open: "Open in a new tab",
  openFor: (part: string) => `Open in a new tab: ${part}`,
  here: "Is here",
  known: "Tab closed? Sign in again",
  preparing: "Preparing links",
  ready: {
    title: "What the clinic does meanwhile",
    visit: "Schedules the visit for now, once the clinician is here",
    identity: "Offers the patient a credential, to accept and to show who they are by",
    device: "Connects the patient's pulse clip, once the patient is here",
    messages: "Writes the first message",
    record: "Seals the record, and lets the care team read it",
    history: "Closes an earlier visit with its proof; somebody breaks the glass",
    live: "During the visit the clip sends a real recorded pulse, signed, every few seconds.",
  },
  after: {
    title: "Afterwards",
    text: "End and close the visit as the clinician, download its proof in either tab, and drop it on the page that verifies without this node.",
    verify: "Open the verifier",
  },
  sound: "With both tabs on one machine, mute one of them: they hear each other.",
  fault: (code: string) =>
    `The clinic could not do everything for these people (${code}). The rest works; new people start afresh.`,
  again: "Play again with new people",
  full: "This demonstration has played all its rounds. Start it again for more.",
  earlier: (number: number) => `Round ${number}`,
};
