export { decide, planStages } from "./decide/decide.js";
export { type FunctionPrediction, type Predictions, predict, RANGE_TOLERANCE } from "./decide/predict.js";
export { type DecisionDraft, type DecisionState, decidesStages } from "./decide/state.js";
export { validatePlan } from "./decide/validate.js";
export { type DecisionRecord, type DecisionRequest, decisionRequestSchema, type Unpublished } from "./decision-record.js";
export type { KeyVerifier } from "./key-verifier.js";
export { type OpenWhiskKeyVerifierOptions, openWhiskKeyVerifier } from "./openwhisk-key-verifier.js";
export { publishedFields } from "./publish.js";
export { type Sidecar, type SidecarOptions, startSidecar } from "./service.js";
