// hot path: nearly every request has one of these methods.

const commonMethods = ['GET', 'POST', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The literal, which is cheaper to compare than what was cut out of a head; undefined for any other text, methods among them. */
export function findCommonMethod(text: string): string | undefined {
  for (const method of commonMethods) if (method === text) return method;
  return undefined;
}
