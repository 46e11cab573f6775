// GraphQL Yoga with one list of notes. One line of JSON says when it listens, and where.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const installed = createRequire(process.argv[2]); // the folder that `make services` fills
const { createSchema, createYoga } = installed("graphql-yoga");
const { GraphQLError } = installed("graphql");

const notes = [];
const schema = createSchema({
  typeDefs: `
    type Note { id: ID! text: String! }
    type Query { note(id: ID!): Note notes: [Note!]! }
    type Mutation { addNote(text: String!): Note! }
  `,
  resolvers: {
    Query: { note: (_, { id }) => notes.find((note) => note.id === id), notes: () => notes },
    Mutation: {
      addNote: (_, { text }) => {
        if (!text.trim()) throw new GraphQLError("a note has a text", { extensions: { code: "BAD_USER_INPUT" } });
        const note = { id: String(notes.length + 1), text };
        notes.push(note);
        return note;
      },
    },
  },
});
const server = createServer(createYoga({ schema, logging: false }));
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}`, environment: {} }));
});
