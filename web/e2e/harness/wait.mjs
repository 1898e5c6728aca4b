/** Waiting for what must come: a condition and a deadline, never a pause. */

export const DEADLINE_MS = 15_000;
const LOOK_EVERY_MS = 25;

/**
 * Waits until `holds` answers something true, and answers that.
 *
 * @param {string} what For the failure: "waited 15 s for WHAT".
 * @param {() => unknown} holds May answer a promise.
 * @param {number} [deadlineMs]
 */
export async function until(what, holds, deadlineMs = DEADLINE_MS) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await holds();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
