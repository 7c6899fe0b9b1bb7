import { load } from "./walkback.js";

const canvas = document.querySelector("canvas");
const status = document.querySelector("p");
const context = canvas.getContext("2d");

const model = await load("mnist");
for await (const { timestep, xPrev, done } of model.walk({ seed: 7, label: 3 })) {
  const image = context.createImageData(28, 28);
  xPrev.forEach((value, i) => {
    const grey = 127.5 * (value + 1);
    image.data.set([grey, grey, grey, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  status.textContent = done ? "An image" : `t = ${timestep}`;
}
