function initializeActionHandler(message) {
  try {
    return Promise.resolve(new Function("require", `${message.code}\nreturn ${message.main};`)(require));
  } catch (error) {
    return Promise.reject(error);
  }
}

class NodeActionRunner {
  constructor(handler) {
    this.handler = handler;
  }

  run(args) {
    return new Promise((resolve, reject) => {
      Promise.resolve()
        .then(() => this.handler(args))
        .then((result) => resolve(result === undefined ? {} : result), reject);
    });
  }
}

module.exports = { NodeActionRunner, initializeActionHandler };
