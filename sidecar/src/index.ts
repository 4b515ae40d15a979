export { decide, planStages } from "./decide/decide.js";
export { type FunctionPrediction, type Predictions, predict, RANGE_TOLERANCE } from "./decide/predict.js";
export { type DecisionDraft, type DecisionState, decidesStages } from "./decide/state.js";
export { validatePlan } from "./decide/validate.js";
