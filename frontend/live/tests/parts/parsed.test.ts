import { expect, it } from "vitest";
import { parsed } from "../../src/parts/setting_field.tsx";

it.each([
  ["0.01", 0.01],
  ["0,01", 0.01],
  [" 1e-3 ", 0.001],
  ["−2", -2],
])("%s is a number", (text, expected) => {
  expect(parsed(text, "float")).toBe(expected);
});

it("leaves what is no number to the server's judgement", () => {
  expect(parsed("abc", "float")).toBe("abc");
  expect(parsed("", "int")).toBe("");
});
