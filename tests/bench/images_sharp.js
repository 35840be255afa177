// Answers jobs on standard input with sharp: "usual" clones one pipeline three times,
// "cascade" decodes once and makes each size from the one above. CPU seconds of the whole process.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const sharp = require('sharp');

sharp.concurrency(1);
sharp.cache(false);

const SIZES = [['large', 1024], ['medium', 512], ['thumbnails', 128]];
const QUALITY = 80;

function encode(image, format) {
  if (format === 'png') return image.png();
  if (format === 'webp') return image.webp({ quality: QUALITY });
  return image.jpeg({ quality: QUALITY });
}

function inside(image, px) {
  return image.resize(px, px, { fit: 'inside', withoutEnlargement: true });
}

async function usual(body, format) {
  const source = sharp(body).rotate();
  return Promise.all(SIZES.map(([, px]) => encode(inside(source.clone(), px), format).toBuffer()));
}

async function cascade(body, format) {
  const outputs = [];
  let image = sharp(body).rotate();
  for (const [, px] of SIZES) {
    const { data, info } = await inside(image, px).raw().toBuffer({ resolveWithObject: true });
    const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
    outputs.push(await encode(sharp(data, raw), format).toBuffer());
    image = sharp(data, raw);
  }
  return outputs;
}

async function answer(job) {
  const body = fs.readFileSync(job.path);
  const began = process.cpuUsage();
  const outputs = await (job.way === 'usual' ? usual : cascade)(body, job.format);
  const used = process.cpuUsage(began);
  if (job.save) {
    SIZES.forEach(([folder], at) => fs.writeFileSync(path.join(job.save, folder), outputs[at]));
  }
  return { seconds: (used.user + used.system) / 1e6, bytes: outputs.map((output) => output.length) };
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line)).catch((error) => ({ error: String(error) }));
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

main();
