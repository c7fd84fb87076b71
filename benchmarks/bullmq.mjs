// BullMQ beside us: `node bullmq.mjs work SOCKET MAX MS FILE` works on the queue, and notes the start of each job in ns;
// `node bullmq.mjs put SOCKET` adds as many jobs as each line of its input says. Run where node_modules holds bullmq.
import { appendFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { Queue, Worker } = createRequire(`${process.cwd()}/`)('bullmq')
const [mode, path, max, duration, file] = process.argv.slice(2)
const connection = { path, maxRetriesPerRequest: null }

if (mode === 'put') {
  const queue = new Queue('bench', { connection })
  for await (const line of createInterface({ input: process.stdin })) {
    await queue.addBulk(Array.from({ length: Number(line) }, () => ({ name: 'start', data: {} })))
    console.log(line)
  }
  process.exit(0)
}

const started = async () => appendFileSync(file, `${Math.round((performance.timeOrigin + performance.now()) * 1000)}000\n`)
new Worker('bench', started, { connection, concurrency: 1, limiter: { max: Number(max), duration: Number(duration) } })
