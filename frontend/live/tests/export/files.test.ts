// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { csvText, fileName } from "../../src/export/files.ts";
import { svgOf } from "../../src/export/svg_context.ts";

describe("files", () => {
  it("are named by experiment, chart and steps", () => {
    expect(fileName("digits-7fe0", "keep rate/fc1", 1, 640, "svg")).toBe(
      "digits-7fe0-keep-rate-fc1-steps-1-640.svg",
    );
    expect(fileName("beale-1", "mask", 12, 12, "csv")).toBe("beale-1-mask-step-12.csv");
  });

  it("hold numbers that are none by their names, and words in quotes", () => {
    const table = { line: ["Adam, 2 seeds", 'a "b"'], loss: [Number.NaN, -0.5] };
    expect(csvText({ run: ["=SUM(A1)"], "-x": [1] })).toBe("run,'-x\r\n'=SUM(A1),1\r\n");
    expect(csvText(table)).toBe('line,loss\r\n"Adam, 2 seeds",NaN\r\n"a ""b""",-0.5\r\n');
  });

  it("have lines and letters as vectors, clipped and turned as on a canvas", () => {
    const own = globalThis.Path2D;
    const text = svgOf(200, 100, "A < B", (context) => {
      context.fillStyle = "rgba(1, 2, 3, 0.5)";
      context.fillRect(0, 0, 200, 100);
      context.save();
      context.translate(10, 20);
      context.beginPath();
      context.rect(0, 0, 50, 50);
      context.clip();
      context.rotate(Math.PI / 2);
      context.setLineDash([4, 2]);
      context.lineWidth = 3;
      context.strokeStyle = "#7725fe";
      const line = new Path2D();
      line.moveTo(0, 0);
      line.lineTo(10, 0);
      context.stroke(line);
      context.restore();
      context.beginPath();
      context.arc(5, 5, 2, 0, 2 * Math.PI);
      context.globalAlpha = 0.25;
      context.fill();
      context.font = "600 15px Sans";
      context.textAlign = "right";
      context.fillText("x & y", 30, 40);
    });
    expect(globalThis.Path2D).toBe(own);
    const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    expect(svg.querySelector("title")?.textContent).toBe("A < B");
    const [ground, line, dot] = [...svg.querySelectorAll("path")].filter(
      (path) => path.parentElement?.tagName !== "clipPath",
    );
    expect(ground?.getAttribute("fill-opacity")).toBe("0.5");
    expect(line?.getAttribute("d")).toBe("M10 20L10 30");
    expect(line?.getAttribute("stroke-dasharray")).toBe("4 2");
    expect(text).toContain('<clipPath id="c0"><path d="M10 20L60 20L60 70L10 70Z"/></clipPath>');
    expect(line?.getAttribute("clip-path")).toBe("url(#c0)");
    expect(dot?.hasAttribute("clip-path")).toBe(false);
    expect(dot?.getAttribute("d")).toMatch(/^M7 5C.*7 5$/);
    const words = svg.querySelector("text");
    expect(words?.textContent).toBe("x & y");
    expect(words?.getAttribute("text-anchor")).toBe("end");
    expect(words?.getAttribute("font-weight")).toBe("600");
  });
});
