using System.Diagnostics;
using System.Text;
using Pilotfish.Language.Cel;
using Pilotfish.Language.Formats;
using Pilotfish.Language.GoTemplates;
using Pilotfish.Language.Re2;
using Pilotfish.Language.Tests.Cel;

namespace Pilotfish.Language.Tests;

/// <summary>
/// Texts that differ from good ones in a few characters, as typing errors and attackers make them: each language takes them or refuses them
/// with its own exception, and what it took runs to its end. PILOTFISH_FUZZ_SECONDS makes it long, PILOTFISH_FUZZ_SEED repeats a failure.
/// </summary>
public sealed class AnyTextTests
{
    private const int MutationsMax = 5;
    private const int RoundsMin = 500;
    private const int SeedInCi = 9113;

    // What grammars turn on, and what is longer than one char or none of Unicode's.
    private const string Special = "\\\"'`()[]{}<>|*+?.^$%:;,/=!&-_ \t\n#@0159azAZxunpPQE\0\u007f\u00e9\u2028\ud83d\ude00\ud800";

    private static readonly string[] s_patterns =
    [
        @"^/api/v[0-9]+/(?P<name>[a-z]+)(/.*)?$", @"(?i)foo|b[^\x00-\x1f]r", @"\pL+\P{Greek}[[:alpha:][:^digit:]]*", @"a{2,5}?(?:b|c)*\b\B\z",
        @"\Qa.b\E+[\d\-\]]\x{10FFFF}\101", @"(?s:.)(?m)^$(?-i:x)", @"(((((a*)*)*)*)*)*", @"[^a-z&&[aeiou]]\C?\a\f\v",
    ];

    private static readonly string[] s_expressions =
    [
        "request.headers['x-a'].startsWith('b') && response.code >= 500", "[1, 2u, 3.5e-3][0] == {'a': b'\\x00', \"b\": null}['a'] || !true",
        "size('h\\u00e4\\U0001F600') > -9223372036854775808 ? duration('1h2m') : timestamp('2026-01-01T00:00:00Z') - duration('-1.5s')",
        "request.path.matches('^/[a-z]+$') in ['x', r'\\d', '''long''']", "int('+4') % 0 == uint(3) || has(request.headers.a)", "connection.id in {7u: 1}",
    ];

    private static readonly string[] s_formats =
    [
        "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ %% %9f)% %REQ(X-A?Y-B):10% %%\n", "%DYNAMIC_METADATA(a:b:c):5% %FILTER_STATE(k:PLAIN)%",
        "%COMMON_DURATION(US_RX_BEG:DS_TX_END:us)% %RESPONSE_FLAGS% %PATH(NQ:ORIG)%", "%DOWNSTREAM_PEER_CERT_V_START(%s)% %CEL(request.path == '%')%",
    ];

    private static readonly string[] s_templates =
    [
        "{{- range $i, $x := .list }}{{ if and $x (ne $i 2) }}{{ $x | quote | indent 4 }}{{ else }}-{{ end }}{{ end -}}",
        "{{ with .a.b }}{{ .c | default \"x\\n\" | printf \"%-5v|%q|%05d\" . 3 }}{{ end }}{{/* c */}}", "{{ define \"t\" }}{{ . }}{{ end }}{{ template \"t\" (dict \"k\" (list 1 2.5 'a' `r`)) }}",
        "{{ range until 3 }}{{ . }}{{ break }}{{ end }}{{ index .list 0 }}{{ toJson . | b64enc | trunc 5 }}",
    ];

    [Fact]
    public void Re2_AnyPattern_CompilesOrIsRefused() => Run(s_patterns, static text =>
    {
        try
        {
            Re2Regex regex = Re2Regex.Compile(text);
            foreach (string input in (ReadOnlySpan<string>)["", "/api/v1/x", "aab\n\u00e9", text])
            {
                bool isFull = regex.IsFullMatch(input);
                Assert.True(!isFull || regex.IsPartialMatch(input), "A full match is a partial one.");
                Assert.True(input.Any(char.IsSurrogate) || isFull == regex.IsFullMatch(Encoding.UTF8.GetBytes(input)), "Bytes and characters match alike.");
            }
        }
        catch (Re2SyntaxException)
        {
            // The only way to fail.
        }
    });

    [Fact]
    public void Cel_AnyText_EvaluatesOrIsRefused() => Run(s_expressions, static text =>
    {
        try
        {
            SampleBinding.Evaluate(text);
        }
        catch (CelSyntaxException)
        {
            // The only way to fail.
        }
    });

    [Fact]
    public void Formats_AnyText_AreTakenOrRefused() => Run(s_formats, static text =>
    {
        try
        {
            FormatOperatorTable.CheckFormat(text);
        }
        catch (FormatSyntaxException)
        {
            // The only way to fail.
        }
    });

    [Fact]
    public void GoTemplates_AnyText_RenderOrAreRefused()
    {
        Assert.True(GoJson.TryParse("{\"list\": [1, \"a\", null], \"a\": {\"b\": {\"c\": true}}}", out GoValue data, out _));
        GoFunctionSet functions = GoFunctionSet.CreateStandard();
        Run(s_templates, text =>
        {
            try
            {
                GoTemplate.Parse("t", text, functions).Render(data);
            }
            catch (TemplateException)
            {
                // The only way to fail.
            }
        });
    }

    private static void Run(string[] corpus, Action<string> check)
    {
        double seconds = Number("PILOTFISH_FUZZ_SECONDS") ?? 1;
        int seed = Number("PILOTFISH_FUZZ_SEED") ?? (Environment.GetEnvironmentVariable("CI") == "true" ? SeedInCi : Environment.TickCount);
        long began = Stopwatch.GetTimestamp();
        for (int round = 0; round < RoundsMin || Stopwatch.GetElapsedTime(began).TotalSeconds < seconds; round++)
        {
            string text = Make(corpus, new Random(unchecked(seed + round)));
            try
            {
                check(text);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"PILOTFISH_FUZZ_SEED={unchecked(seed + round)}, text '{text}': {e.Message}", e);
            }
        }
    }

    private static string Make(string[] corpus, Random random)
    {
        var text = new StringBuilder(corpus[random.Next(corpus.Length)]);
        for (int i = random.Next(MutationsMax + 1); i > 0; i--)
        {
            int at = random.Next(text.Length + 1);
            int length = Math.Min(random.Next(1, 9), text.Length - at);
            switch (random.Next(5))
            {
                case 0:
                    text.Insert(at, Special[random.Next(Special.Length)]);
                    break;
                case 1 when length > 0:
                    text[at] = Special[random.Next(Special.Length)];
                    break;
                case 2:
                    text.Remove(at, length);
                    break;
                case 3:
                    text.Insert(at, text.ToString(at, length));
                    break;
                default:
                    string other = corpus[random.Next(corpus.Length)];
                    int from = random.Next(other.Length);
                    text.Insert(at, other[from..Math.Min(other.Length, from + (4 * length))]);
                    break;
            }
        }

        return text.ToString();
    }

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out int value) ? value : null;
}
