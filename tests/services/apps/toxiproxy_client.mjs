// Drives a Toxiproxy with the client of npm, and tells in JSON what that made of the answers.
import { createRequire } from "node:module";

const [, , folder, url, upstream] = process.argv;
const { Toxiproxy } = createRequire(folder)("toxiproxy-node-client"); // what `make services` installs

const errorOf = async (call) => {
  try {
    await call();
  } catch (error) {
    return error.message;
  }
  return "none";
};
const toxic = ({ name, type, stream, toxicity, attributes }) => [name, type, stream, toxicity, attributes];

const server = new Toxiproxy(url);
const told = { version: JSON.parse(await server.getVersion()).version };
const proxy = await server.createProxy({ name: "db", upstream, listen: "127.0.0.1:0" });
told.created = [proxy.name, proxy.enabled, proxy.upstream, proxy.listen.replace(/:\d+$/, "")];
const slow = await proxy.addToxic({
  type: "latency",
  toxicity: 0.5,
  attributes: { latency: 300, jitter: 5 },
});
await proxy.addToxic({ name: "up", type: "bandwidth", stream: "upstream", attributes: { rate: 7 } });
told.toxics = [toxic(await proxy.getToxic("latency_downstream")), toxic(await proxy.getToxic("up"))];
told.changed = toxic(await slow.update({ toxicity: 1, attributes: { latency: 301 } }));
told.twice = await errorOf(() => proxy.addToxic({ name: "up", type: "bandwidth" }));
told.noSuchToxic = await errorOf(() => proxy.addToxic({ type: "lag" }));
told.gone = await errorOf(() => proxy.getToxic("nothing"));
told.noSuchProxy = await errorOf(() => server.get("nothing"));
await (await proxy.getToxic("up")).remove();
told.removed = await errorOf(() => proxy.getToxic("up"));
told.down = (await proxy.update({ ...proxy.toJson(), enabled: false })).enabled;
const again = await proxy.update({ ...proxy.toJson(), enabled: true });
told.upAgain = [again.enabled, again.listen === proxy.listen];
told.populated = Object.keys(await server.populate([{ name: "cache", upstream, listen: "127.0.0.1:0" }]));
await server.reset();
told.reset = await errorOf(() => proxy.getToxic("latency_downstream"));
for (const each of Object.values(await server.getAll())) await each.remove();
told.left = Object.keys(await server.getAll());
console.log(JSON.stringify(told));
