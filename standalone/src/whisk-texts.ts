/** OpenWhisk's own words (common/scala/.../http/ErrorResponse.scala and akka-http's rejections), for clients that match on them. */
export const TEXTS = {
  uptoMissing: "The query parameter `upto` is missing.",
  doesNotExist: "The requested resource does not exist.",
  conflict: "Concurrent modification to resource detected.",
  alreadyExists: "resource already exists",
  notInThisCollection: "Resource by this name exists but is not in this collection.",
  bindingDoesNotExist: "Binding references a package that does not exist.",
  packageCannotBecomeBinding: "Resource is a package and cannot be converted into a binding.",
  bindingCannotReferenceBinding: "Cannot bind to another package binding.",
  bindingIsNotValid: "Cannot bind to a resource that is not a package.",
  notAllowedOnBinding: "Operation not permitted on package binding.",
  feedNotValid: "Feed name is not valid",
  ruleNeedsTriggerAndAction: "rule requires a valid trigger and a valid action",
  ruleWithoutTrigger: "Only rules with existing triggers can be activated",
  propertyNotFound: "Response does not include requested property.",
  contentTypeNotSupported: "Content type is not supported.",
  responseNotReady: "Response not yet ready.",
  unknownContentType: "Response did not specify a known content-type.",
  contentTypeMismatch: "Response type in header did not match generated content type.",
  errorProcessingRequest: "There was an error processing your request.",
  execUndefined: "exec undefined",
  nameIllegal: "The name of the entity contains illegal characters.",
  malformedName: "The fully qualified name of the entity must contain at least the namespace and the name of the entity.",
  parametersNotAllowed: "Request defines parameters that are not allowed (e.g., reserved properties).",
  docsWithCount: "The parameter 'docs' is not permitted with 'count'.",
  activationIdIllegal: "The activation id is not valid.",
  noCredentials: "The resource requires authentication, which was not supplied with the request",
  wrongCredentials: "The supplied authentication is invalid",
  unsupportedContentType: "The request's Content-Type is not supported. Expected:\napplication/json",
  noInvokers: "The server is currently unavailable (because it is overloaded or down for maintenance).",
  internalError: "There was an internal server error.",
  sequenceIsTooLong: "Too many actions in the sequence.",
  sequenceNoComponent: "No component specified for the sequence.",
  sequenceIsCyclic: "Sequence may not refer to itself.",
  sequenceComponentNotFound: "Sequence component does not exist.",
  sequenceActivationFailure: "Sequence failed.",
  compositionIsTooLong: "Too many actions in the composition.",
  compositionActivationFailure: "Activation failure during composition.",
  stageHasEnded: "The parallel stage that it belongs to has ended.",
} as const;

export const notAuthorizedFor = (resource: string) => `The supplied authentication is not authorized to access '${resource}'.`;
export const tooManyRequests = (count: number, allowed: number) =>
  `Too many requests in the last minute (count: ${count}, allowed: ${allowed}).`;
export const tooManyConcurrentRequests = (count: number, allowed: number) =>
  `Too many concurrent requests in flight (count: ${count}, allowed: ${allowed}).`;
export const tooManyWaiting = (count: number, waitMs: number) =>
  `Too many invocations are waiting (count: ${count}, expected wait: ${Math.ceil(waitMs)} ms).`;
export const entityTooBig = (field: string, isBytes: number, allowedBytes: number) =>
  `${field} larger than allowed: ${isBytes} > ${allowedBytes} bytes.`;
export const malformedContent = (why: string) => `The request content was malformed:\n${why}`;
export const malformedQuery = (name: string, why: string) => `The query parameter '${name}' was malformed:\n${why}`;
export const methodNotAllowed = (supported: string) => `HTTP method not allowed, supported methods: ${supported}`;
export const limitOutOfRange = (collection: string, value: number, max: number) =>
  `The value '${value}' is not in the range of 0 to ${max} for ${collection}.`;
export const skipOutOfRange = (collection: string, value: number) =>
  `The value '${value}' is not greater than or equal to 0 for ${collection}.`;
export const notAnInteger = (collection: string, value: string) => `The value '${value}' is not an integer for ${collection}.`;
export const invalidTimeout = (maxMs: number) => `Timeout must be number of milliseconds up to ${maxMs}.`;
export const badNameFilter = (value: string) => `Parameter may be a 'simple' name or 'package-name/simple' name: ${value}`;
export const badEpoch = (value: string) => `Parameter is not a valid value for epoch seconds: ${value}`;
export const activationIdLength = (length: number) => `Activation id length is ${length} but must be 32.`;
export const sequenceRetrieveActivationTimeout = (id: string) => `Timeout reached when retrieving activation ${id} for sequence component.`;
export const compositionActivationTimeout = (id: string) => `Timeout reached when retrieving activation ${id} during composition.`;
export const compositionComponentInvalid = (name: unknown) =>
  `Failed to parse action name from json value ${JSON.stringify(name)} during composition.`;
export const compositionComponentNotFound = (name: string) => `Failed to resolve action with name '${name}' during composition.`;
export const compositionComponentNotAccessible = (name: string) =>
  `Failed entitlement check for action with name '${name}' during composition.`;
export const tooManyBranches = (max: number) => `A parallel stage may have at most ${max} branches.`;
export const packageNameIsReserved = (name: string) => `Package name '${name}' is reserved.`;
export const packageNotEmpty = (count: number) =>
  `Package not empty (contains ${count} ${count === 1 ? "entity" : "entities"}). Set force param or delete package contents.`;
export const entityDoesNotExist = (what: "trigger" | "action", name: string) => `${what} /${name} does not exist`;
export const statusNotRecognized = (status: unknown) =>
  `'${String(status)}' is not a recognized rule state, must be one of: active, inactive`;
export const triggerWithInactiveRule = (rule: string, action: string) =>
  `Rule '${rule}' is inactive, action '${action}' was not activated.`;
export const invalidMedia = (type: string) => `Response is not valid '${type}'.`;

export const recordsNotKept = (reason: string) =>
  `The record of the activation could not be kept: the server's disk takes no writes: ${reason}. Try again later.`;
