const composer = require("openwhisk-composer");

// Each branch picks its own segment. The index is written out because inline functions travel as text and see no closure.
module.exports = composer.sequence(
  "split",
  composer.parallel(
    composer.sequence(
      composer.function((params) => ({ position: 0, segment: params.segments[0], totalBytes: params.bytes })),
      "aes-0",
    ),
    composer.sequence(
      composer.function((params) => ({ position: 1, segment: params.segments[1], totalBytes: params.bytes })),
      "aes-1",
    ),
    composer.sequence(
      composer.function((params) => ({ position: 2, segment: params.segments[2], totalBytes: params.bytes })),
      "aes-2",
    ),
  ),
  "combine",
);
