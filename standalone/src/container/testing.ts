/** What the tests of invokers still take from here. */
export { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";

import { RecordingLogger } from "@openwhisk-harvest/testkit";

export const recordingLogger = (): RecordingLogger => new RecordingLogger();
