import { describe, expect, it } from 'vitest';
import { compileRule } from './compile-rule.ts';
import { printLiteral } from './predicate.ts';

function terms(text: string): string[] {
  const { terms: compiled, issues } = compileRule(text, ['public', 'internal']);
  expect(issues).toEqual([]);
  return compiled.map((term) => term.map(printLiteral).join(' '));
}

function problems(text: string): [number | undefined, string, string][] {
  return compileRule(text, ['public', 'internal']).issues.map((issue) => [
    issue.offset,
    issue.what,
    issue.fix,
  ]);
}

function choice(key: string): string {
  return `(${Array.from({ length: 9 }, (_, i) => `Query(\`${key}${i}\`)`).join(' || ')})`;
}

describe('compileRule', () => {
  it.each([
    [
      'alternatives are multiplied out',
      '(Path(`/a`) || Path(`/b`)) && (Method(`GET`) || ClientCert())',
      [
        'Path(`/a`) Method(`GET`)',
        'Path(`/a`) ClientCert()',
        'Path(`/b`) Method(`GET`)',
        'Path(`/b`) ClientCert()',
      ],
    ],
    ['a negated group is turned around', '!(Path(`/a`) && !Method(`GET`))', ['!Path(`/a`)', 'Method(`GET`)']],
    ['repetitions are dropped', 'Path(`/a`) && Path(`/a`)', ['Path(`/a`)']],
    [
      'alternatives that exclude themselves are dropped',
      'PathPrefix(`/a`) && !(Path(`/a`) && Method(`GET`)) && !Path(`/b`)',
      ['PathPrefix(`/a`) !Path(`/a`) !Path(`/b`)', 'PathPrefix(`/a`) !Method(`GET`) !Path(`/b`)'],
    ],
    [
      'header names are lower-cased and ranges completed',
      'Header(`X-A`, `b`) && ClientIP(`10.0.0.1`)',
      ['Header(`x-a`, `b`) ClientIP(`10.0.0.1/32`)'],
    ],
    ['QueryRegexp without a value is Query, as in Traefik', 'QueryRegexp(`debug`)', ['Query(`debug`)']],
    [
      'an exact host narrows a capture',
      'Host(`{tenant}.erp.example`) && Host(`acme.erp.example`)',
      ['Host(`{tenant}.erp.example`) Host(`acme.erp.example`)'],
    ],
    ['a known listener is taken', 'Listener(`public`)', ['Listener(`public`)']],
    [
      'families of Odoo names are taken',
      'OdooModel(`sale.*`) && OdooMethod(`search*`) || OdooModel(`*`)',
      ['OdooModel(`sale.*`) OdooMethod(`search*`)', 'OdooModel(`*`)'],
    ],
  ])('%s', (_, text, expected) => {
    expect(terms(text)).toEqual(expected);
  });

  it.each<[string, string, number, string, string]>([
    [
      'a host in upper case',
      'Host(`ERP.example`)',
      6,
      '"ERP.example" is not written as requests name the host: lower case, without port and trailing dot.',
      'Write erp.example.',
    ],
    [
      'a host with a port',
      'Host(`erp.example:443`)',
      6,
      '"erp.example:443" is not written as requests name the host: lower case, without port and trailing dot.',
      'Write erp.example, and tell ports apart with Listener.',
    ],
    [
      'a host with a trailing dot',
      'Host(`erp.example.`)',
      6,
      '"erp.example." is not written as requests name the host: lower case, without port and trailing dot.',
      'Write erp.example.',
    ],
    [
      'a wildcard host',
      'Host(`*.erp.example`)',
      6,
      '"*.erp.example" is not a host name.',
      'Write {tenant} in place of a wildcard for the tenant, or use HostRegexp.',
    ],
    [
      'a host that is none',
      'Host(`http://erp.example`)',
      6,
      '"http://erp.example" is not a host name.',
      'Write a name such as shop.example, made of letters, digits, dashes, underscores and dots.',
    ],
    [
      'a misspelt capture',
      'Host(`{tennant}.erp.example`)',
      6,
      '"{tennant}.erp.example" has a capture {tennant} that does not exist.',
      'Did you mean {tenant}?',
    ],
    [
      'another capture',
      'Host(`{sub}.erp.example`)',
      6,
      '"{sub}.erp.example" has a capture {sub} that does not exist.',
      'Write {tenant} for the label, or the part of a label, that names the tenant.',
    ],
    [
      'two captures in a host',
      'Host(`{tenant}.{tenant}.example`)',
      6,
      '"{tenant}.{tenant}.example" names the tenant twice.',
      'Write {tenant} once.',
    ],
    [
      'a capture with a port',
      'Host(`{tenant}.example:80`)',
      6,
      '"{tenant}.example:80" is not a host as requests name it.',
      'Write lower-case labels without port, trailing dot or wildcard around it, as in {tenant}.erp.example.',
    ],
    [
      'two captures that could differ',
      'Host(`{tenant}.erp.example`) && Host(`api-{tenant}.erp.example`)',
      0,
      'Host(`{tenant}.erp.example`) and Host(`api-{tenant}.erp.example`) both name the tenant of one request.',
      'Keep the capture in one of the two, and write HostRegexp for the other.',
    ],
    ['a path without a slash', 'Path(`web`)', 6, '"web" does not start with a slash.', 'Write /web.'],
    [
      'a path that is not canonical',
      'PathPrefix(`/web/%64atabase`)',
      12,
      '"/web/%64atabase" is not the spelling that requests are brought to.',
      'Write /web/database.',
    ],
    [
      'a path that is refused',
      'Path(`/web//database`)',
      6,
      '"/web//database" is a path that the gateway refuses as ambiguous.',
      'Write it without //, dot segments, blanks, semicolons, backslashes and escaped delimiters.',
    ],
    [
      'a path with a query',
      'Path(`/web?debug=1`)',
      6,
      '"/web?debug=1" has a query.',
      'Write the path alone and join it with Query.',
    ],
    [
      'a method in lower case',
      'Method(`post`)',
      8,
      '"post" is not a method in upper case.',
      'Write a method such as POST.',
    ],
    [
      'a method that is none',
      'Method(`GET POST`)',
      8,
      '"GET POST" is not a method in upper case.',
      'Write a method such as POST.',
    ],
    [
      'a header name with a blank',
      'Header(`X A`, `b`)',
      8,
      '"X A" is not the name of a header field.',
      'Write a name such as X-Channel.',
    ],
    [
      'a header name that lower-cases to ASCII',
      'Header(`X-\u212A`, `b`)',
      8,
      '"X-\u212A" is not the name of a header field.',
      'Write a name such as X-Channel.',
    ],
    [
      'the Host field as a header',
      'Header(`Host`, `a`)',
      8,
      'The Host field is not matched as a header.',
      'Use Host or HostRegexp.',
    ],
    [
      'a header value with a blank at the end',
      'Header(`X-A`, `b `)',
      15,
      '"b " is not a value that a header field can have.',
      'Write printable ASCII characters without blanks at the ends, or use HeaderRegexp.',
    ],
    [
      'an empty key of the query',
      'Query(``)',
      7,
      'The key of the query is empty.',
      'Write the name of a key.',
    ],
    [
      'a range with host bits',
      'ClientIP(`10.1.0.0/8`)',
      10,
      '"10.1.0.0/8" has address bits set beyond its prefix of 8 bits.',
      'Write 10.0.0.0/8 for the range, or 10.1.0.0/32 for the address alone.',
    ],
    [
      'a listener that does not exist',
      'Listener(`publik`)',
      10,
      'There is no listener "publik".',
      'Did you mean public?',
    ],
    [
      'a listener like no other',
      'Listener(`x`)',
      10,
      'There is no listener "x".',
      'Use one of public, internal.',
    ],
    [
      'a wildcard within an Odoo model',
      'OdooModel(`sale.*.line`)',
      11,
      '"sale.*.line" is not the name of an Odoo model.',
      'Write a model such as stock.picking, a family such as stock.*, or * for every call.',
    ],
    [
      'an Odoo method that is none',
      'OdooMethod(`search-read`)',
      12,
      '"search-read" is not the name of an Odoo method.',
      'Write a method such as search_read, a family such as search*, or * for every call.',
    ],
    [
      'lookahead in a regular expression',
      'PathRegexp(`^/(?!web)`)',
      12,
      'The regular expression "^/(?!web)" does not read: invalid or unsupported Perl syntax: `(?!`.',
      'Write it in RE2 syntax: no lookaround, no backreferences, no names in braces.',
    ],
    [
      'a capture of Traefik v2',
      'HostRegexp(`{sub:[a-z]+}.example`)',
      12,
      'The regular expression "{sub:[a-z]+}.example" does not read: captures in braces are syntax of Traefik v2 and would be matched as plain text.',
      'Write it in RE2 syntax: no lookaround, no backreferences, no names in braces.',
    ],
    [
      'two hosts at once',
      'Host(`a`) && Host(`b`)',
      13,
      'Host(`b`) can never match together with Host(`a`).',
      'Remove one of the two, or join them with || when one of them is enough.',
    ],
    [
      'a path outside of a prefix',
      'PathPrefix(`/y`) && Path(`/x`)',
      20,
      'Path(`/x`) can never match together with PathPrefix(`/y`).',
      'Remove one of the two, or join them with || when one of them is enough.',
    ],
    [
      'a matcher and its negation',
      'PathPrefix(`/x`) && !PathPrefix(`/x`)',
      0,
      'PathPrefix(`/x`) can never match together with !PathPrefix(`/x`).',
      'Remove one of the two, or join them with || when one of them is enough.',
    ],
    [
      'an alternative that the rest excludes',
      'Host(`a`) && (Host(`b`) || Path(`/x`))',
      14,
      'Host(`b`) can never match together with Host(`a`).',
      'Remove one of the two, or join them with || when one of them is enough.',
    ],
    [
      'an Odoo call outside of JSON-2',
      'PathPrefix(`/web`) && OdooModel(`*`)',
      22,
      'OdooModel(`*`) can never match together with PathPrefix(`/web`).',
      'Remove one of the two, or join them with || when one of them is enough.',
    ],
    [
      'a host that the expression excludes',
      'HostRegexp(`^[a-z]+$`) && Host(`a1`)',
      26,
      'Host(`a1`) can never match together with HostRegexp(`^[a-z]+$`).',
      'Remove one of the two, or join them with || when one of them is enough.',
    ],
    [
      'nothing at all',
      '!PathPrefix(`/`)',
      1,
      '!PathPrefix(`/`) can never match here.',
      'Remove it, or change what stands beside it.',
    ],
  ])('%s is an issue with its place', (_, text, offset, what, fix) => {
    expect(problems(text)).toEqual([[offset, what, fix]]);
    expect(compileRule(text, ['public', 'internal']).terms).toEqual([]);
  });

  it('reports the values of all matchers at once', () => {
    expect(problems('Host(`A`) && (Path(`x`) || Method(`get`))')).toEqual([
      [
        6,
        '"A" is not written as requests name the host: lower case, without port and trailing dot.',
        'Write a.',
      ],
      [20, '"x" does not start with a slash.', 'Write /x.'],
      [35, '"get" is not a method in upper case.', 'Write a method such as GET.'],
    ]);
  });

  it.each([
    [
      'repeated headers and keys may have two values',
      'Header(`X-A`, `a`) && Header(`X-A`, `b`) && Query(`k`, `a`) && Query(`k`, `b`)',
    ],
    ['two expressions cannot be told apart', 'PathRegexp(`^/a`) && PathRegexp(`^/b`)'],
    [
      'what is excluded may exclude itself',
      '(Path(`/a`) || Path(`/b`)) && !(Path(`/a`) && Method(`POST`)) && !Path(`/c`)',
    ],
    ['two choices may share an alternative', '(Host(`a`) || Host(`b`)) && (Host(`a`) || PathPrefix(`/x`))'],
    ['an exact host lies in a capture', 'Host(`{tenant}.erp.example`) && Host(`acme.erp.example`)'],
    [
      'a range lies in another',
      'ClientIP(`10.0.0.0/8`) && ClientIP(`10.1.0.0/16`) && !ClientIP(`10.1.1.0/24`)',
    ],
  ])('nothing is reported where %s', (_, text) => {
    expect(problems(text)).toEqual([]);
  });

  it('refuses a rule with too many alternatives', () => {
    expect(problems(`${choice('a')} && ${choice('b')} && ${choice('c')}`)).toEqual([
      [
        0,
        'The rule has more than 512 alternatives once its parentheses are multiplied out.',
        'Cover several paths with one prefix, use one regular expression for the hosts, or split the zone.',
      ],
    ]);
  });
});
