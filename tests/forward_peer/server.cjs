// A Forward server that is not ours (@fluent-org/logger): prints one JSON line for each record.
//
//   node server.cjs MODULES OPTIONS
//
// OPTIONS: JSON, {"security": …, "tls": {"cert": FILE, "key": FILE, "ca": FILE}}; with "tls" clients
// need a certificate of that authority. "port N" first, then [tag, seconds, nanoseconds, record]. It
// acknowledges by itself.

const fs = require("fs");
const path = require("path");
const { FluentServer, EventTime } = require(path.join(process.argv[2], "@fluent-org/logger"));

const options = JSON.parse(process.argv[3]);
const server = new FluentServer({
  listenOptions: { port: 0, host: "127.0.0.1" },
  security: options.security,
  tlsOptions: options.tls && {
    cert: fs.readFileSync(options.tls.cert),
    key: fs.readFileSync(options.tls.key),
    ca: fs.readFileSync(options.tls.ca),
    requestCert: true,
    rejectUnauthorized: true,
  },
});
server.on("entry", (tag, time, record) => {
  const exact = time instanceof EventTime;
  const [seconds, nanoseconds] = exact ? [time.epoch, time.nano] : [time, null];
  process.stdout.write(JSON.stringify([tag, seconds, nanoseconds, record]) + "\n");
});
server.listen().then(() => process.stdout.write(`port ${server.port}\n`));
