const composer = require("openwhisk-composer");

// $bytes is the size of the frames themselves: with a store they travel by reference.
module.exports = composer.sequence(
  "streaming",
  "decoder",
  composer.parallel(
    composer.sequence(
      composer.function(({ run, keyFrames, keyFrameBytes }) => ({ run, part: "key frames", frames: keyFrames, $bytes: keyFrameBytes })),
      "recognition1",
    ),
    composer.sequence(
      composer.function(({ run, otherFrames, otherFrameBytes }) => ({
        run,
        part: "other frames",
        frames: otherFrames,
        $bytes: otherFrameBytes,
      })),
      "recognition2",
    ),
  ),
);
