/** Tags as a person types them: between commas, each once. */
export function tagsOf(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim());
  return [...new Set(tags.filter(Boolean))];
}

/** Tags as a text to change. */
export function tagText(tags: readonly string[]): string {
  return tags.join(", ");
}
