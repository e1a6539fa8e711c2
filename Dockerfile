# The server as an image. Only the last stage is shipped: Node, what the server needs at run time, nothing else.
#
# Its base is distroless: Debian's libraries and Node, with neither a shell nor a package manager, so there is nothing to remove, and little
# that a scanner finds or an intruder uses. To look inside a running pod use `kubectl debug --image=busybox --target=opensensor-graphql`.
# .dockerignore lists the only files that any stage can see.

FROM node:24-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-trixie-slim AS build
WORKDIR /app
# Before the sources: a change of these does not install anew.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY tools/build.mjs tools/
COPY src/ src/
RUN npm run build

FROM gcr.io/distroless/nodejs24-debian13:nonroot
WORKDIR /app
COPY --from=dependencies /app/node_modules/ node_modules/
COPY --from=build /app/dist/ dist/
# What browsers see at /graphql opens on it.
COPY schema/operations/tour.graphql schema/operations/
# Says that dist/ holds ES modules.
COPY package.json ./
ENV NODE_ENV=production
# The base's user `nonroot`, by number: Kubernetes can't tell from a name that it isn't root.
USER 65532:65532
EXPOSE 4000
# As a list, so that Node is process 1 and gets SIGTERM itself.
ENTRYPOINT ["/nodejs/bin/node", "dist/main.js"]
