using Pilotfish.Language.GoTemplates;

namespace Pilotfish.Language.Tests.GoTemplates;

public sealed class GoTemplateTests
{
    private const string Data = """
        {"name":"Ada","empty":"","none":null,"port":15020,"big":1234567,"yes":true,
         "list":["a","b","c"],"map":{"x":"1","y":"2"},"deep":{"er":{"est":"end"}}}
        """;

    [Theory]
    // Text, trimming and comments.
    [InlineData("plain", "plain")]
    [InlineData("a {{- \" b \" -}} c", "a b c")]
    [InlineData("a\n  {{- /* gone */ -}}\n b", "ab")]
    [InlineData("a{{/* gone */}}b", "ab")]
    [InlineData("{{3 -}} x", "3x")]
    [InlineData("{{ -3 }}", "-3")]
    // Values.
    [InlineData("{{.name}}", "Ada")]
    [InlineData("{{ .missing }}", "<no value>")]
    [InlineData("{{ .missing.also.missing }}", "<no value>")]
    [InlineData("{{ .port }} {{ .big }}", "15020 1.234567e+06")]
    [InlineData("{{ .list }} {{ .map }}", "[a b c] map[x:1 y:2]")]
    [InlineData("{{ .deep.er.est }}{{ (.deep).er.est }}", "endend")]
    [InlineData("{{ `raw\\n` }}{{ \"esc\\t\\u00e9\" }}{{ 'a' }}", "raw\\nesc\té97")]
    [InlineData("{{ 0x10 }} {{ 1_000 }} {{ 1.5 }} {{ 0b11 }} {{ 1e3 }}", "16 1000 1.5 3 1000")]
    // Pipelines and variables.
    [InlineData("{{ 3 | printf \"%s-%d\" .name }}", "Ada-3")]
    [InlineData("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2")]
    [InlineData("{{ with $x := .name }}{{ $x }}{{ . }}{{ end }}", "AdaAda")]
    [InlineData("{{ $ | len }}{{ with .map }}{{ $.name }}{{ .x }}{{ end }}", "9Ada1")]
    // Control.
    [InlineData("{{ if .empty }}a{{ else if .none }}b{{ else }}c{{ end }}", "c")]
    [InlineData("{{ if eq .name \"Ada\" }}a{{ else if .none }}b{{ end }}d", "ad")]
    [InlineData("{{ with .none }}a{{ else with .name }}{{ . }}{{ else }}c{{ end }}", "Ada")]
    [InlineData("{{ range .list }}{{ . }},{{ end }}", "a,b,c,")]
    [InlineData("{{ range $i, $e := .list }}{{ $i }}{{ $e }}{{ end }}", "0a1b2c")]
    [InlineData("{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "x=1;y=2;")]
    [InlineData("{{ range .none }}a{{ else }}b{{ end }}", "b")]
    [InlineData("{{ range 3 }}{{ . }}{{ end }}", "012")]
    [InlineData("{{ range .list }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac")]
    [InlineData("{{ range .list }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a")]
    // Definitions.
    [InlineData("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .name }}{{ template \"t\" }}", "<Ada><<no value>>")]
    [InlineData("{{ block \"b\" .name }}[{{ . }}]{{ end }}", "[Ada]")]
    // Booleans and comparisons.
    [InlineData("{{ and .name .empty (index .list 99) }}|{{ or .empty .name (index .list 99) }}", "|Ada")]
    [InlineData("{{ not .empty }} {{ eq 1 2 3 1 }} {{ ne \"a\" \"b\" }} {{ lt 1 2 }} {{ ge \"b\" \"b\" }}", "true true true true true")]
    [InlineData("{{ eq .missing \"x\" }} {{ eq .none nil }}", "false true")]
    [InlineData("{{ len .list }} {{ len .name }} {{ index .list 1 }} {{ index .map \"y\" }}", "3 3 b 2")]
    [InlineData("{{ index .deep \"er\" \"est\" }} {{ slice .list 0 2 }}", "end [a b]")]
    [InlineData("{{ print 1 2 \"a\" 3 }}", "1 2a3")]
    [InlineData("{{ printf \"%5d|%-5s|%05d|%q|%t|%v|%x|%.2f|%%\" 42 \"ab\" 7 \"q\\\"\" true .list 255 1.5 }}",
        "   42|ab   |00007|\"q\\\"\"|true|[a b c]|ff|1.50|%")]
    public void Rendering_OfEachConstruct_GivesWhatGoGives(string template, string expected)
    {
        Assert.Equal(expected, Render(template));
    }

    [Theory]
    [InlineData("a\n {{ foo }}", 2, 5, "function \"foo\" not defined")]
    [InlineData("{{ if true }}", 1, 4, "{{if}} has no {{end}}")]
    [InlineData("x{{ end }}", 1, 5, "unexpected {{end}}")]
    [InlineData("{{ .a", 1, 1, "unclosed action")]
    [InlineData("{{ \"a }}", 1, 4, "unterminated quoted string")]
    [InlineData("{{ $x }}", 1, 4, "undefined variable \"$x\"")]
    [InlineData("{{ (1 }}", 1, 7, "unclosed left parenthesis")]
    [InlineData("{{ break }}", 1, 4, "{{break}} outside {{range}}")]
    [InlineData("{{ | len }}", 1, 4, "missing value for command")]
    [InlineData("{{ /* x", 1, 4, "unrecognized character")]
    [InlineData("{{/* x", 1, 1, "unclosed comment")]
    [InlineData("{{ 1 | 2 }}", 1, 8, "non executable command")]
    public void Parsing_OfABrokenTemplate_NamesThePlace(string template, int line, int column, string reason)
    {
        var e = Assert.Throws<TemplateException>(() => Render(template));

        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.Equal(new TemplatePosition(line, column), e.Position);
    }

    [Theory]
    [InlineData("\n{{ .none.x }}", 2, 9, "nil pointer evaluating interface {}.x")]
    [InlineData("{{ .name.x }}", 1, 9, "can't evaluate field x in type string")]
    [InlineData("{{ index .list 7 }}", 1, 4, "index out of range: 7")]
    [InlineData("{{ lt 1 \"a\" }}", 1, 4, "incompatible types for comparison")]
    [InlineData("{{ template \"no\" }}", 1, 4, "template \"no\" not defined")]
    [InlineData("{{ fail \"stop here\" }}", 1, 4, "stop here")]
    [InlineData("{{ upper }}", 1, 4, "wrong number of arguments")]
    [InlineData("{{ .name \"x\" }}", 1, 4, "has arguments but cannot be invoked")]
    [InlineData("{{ range .name }}{{ end }}", 1, 4, "range can't iterate over Ada")]
    public void Rendering_OfAnImpossibleAction_NamesThePlace(string template, int line, int column, string reason)
    {
        var e = Assert.Throws<TemplateException>(() => Render(template));

        Assert.Equal((line, column), (e.Position.Line, e.Position.Column));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", "deep")]
    [InlineData("{{ range 1000000000 }}{{ end }}", "steps")]
    [InlineData("{{ range 1000 }}{{ repeat 900 \"xxxxxxxxxxxxxxx\" }}{{ end }}", "output")]
    [InlineData("{{ repeat 100000000 \"x\" }}", "longer")]
    [InlineData("{{ until 100000000 }}", "longer")]
    public void Rendering_OfAGreedyTemplate_EndsAtALimit(string template, string limit)
    {
        var e = Assert.Throws<TemplateException>(() => Render(template));

        Assert.Contains(limit, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parsing_OfDeepNesting_IsRefusedBeforeTheStackEnds()
    {
        var text = string.Concat(Enumerable.Repeat("{{ if true }}", 10_000));

        Assert.Throws<TemplateException>(() => Render(text));
        Assert.Throws<TemplateException>(() => Render("{{ " + new string('(', 10_000) + " }}"));
    }

    internal static string Render(string template)
    {
        Assert.True(GoJson.TryParse(Data, out var data, out _));
        return GoTemplate.Parse("t", template, GoFunctionSet.CreateStandard()).Render(data);
    }
}
