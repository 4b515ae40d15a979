const composer = require("openwhisk-composer");

// Hyperparameters are written out in each branch because inline functions travel as text and see no closure.
module.exports = composer.sequence(
  "preprocess",
  composer.parallel(
    composer.sequence(
      composer.function((params) => ({ ...params, position: 0, trees: 4, depth: 3, featureFraction: 0.3, bags: 1 })),
      "train-0",
    ),
    composer.sequence(
      composer.function((params) => ({ ...params, position: 1, trees: 10, depth: 4, featureFraction: 0.5, bags: 1 })),
      "train-1",
    ),
    composer.sequence(
      composer.function((params) => ({ ...params, position: 2, trees: 20, depth: 6, featureFraction: 0.5, bags: 1 })),
      "train-2",
    ),
    composer.sequence(
      composer.function((params) => ({ ...params, position: 3, trees: 30, depth: 8, featureFraction: 0.8, bags: 2 })),
      "train-3",
    ),
  ),
  "combine-models",
);
