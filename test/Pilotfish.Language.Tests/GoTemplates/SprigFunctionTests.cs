namespace Pilotfish.Language.Tests.GoTemplates;

public sealed class SprigFunctionTests
{
    [Theory]
    [InlineData("{{ .missing | default \"d\" }} {{ default \"d\" .name }} {{ .empty | default .name | quote }}", "d Ada \"Ada\"")]
    [InlineData("{{ \"-_a.b._-\" | trunc 7 | trimAll \"-_.\" }}", "a.b")]
    [InlineData("{{ trim \" a \" }}{{ trimSuffix \"b\" \"ab\" }}{{ trimPrefix \"a\" \"ab\" }}{{ nospace \"a b\" }}", "aabab")]
    [InlineData("{{ upper \"a\" }}{{ lower \"B\" }}{{ title \"ab cd\" }}{{ snakecase \"FirstName\" }}{{ kebabcase \"FirstName\" }}{{ camelcase \"a_b\" }}", "AbAb Cdfirst_namefirst-nameAB")]
    [InlineData("{{ contains \"b\" \"abc\" }}{{ hasPrefix \"a\" \"abc\" }}{{ hasSuffix \"c\" \"abc\" }}", "truetruetrue")]
    [InlineData("{{ indent 2 \"a\\nb\" }}|{{ nindent 2 \"a\" }}", "  a\n  b|\n  a")]
    [InlineData("{{ replace \"a\" \"b\" \"aa\" }}{{ repeat 3 \"x\" }}{{ substr 1 3 \"abcd\" }}{{ abbrev 5 \"hello world\" }}", "bbxxxbche...")]
    [InlineData("{{ quote \"a\\\"b\" nil 3 }} {{ squote \"x\" }} {{ cat \"a\" 1 }}", "\"a\\\"b\" \"3\" 'x' a 1")]
    [InlineData("{{ join \",\" .list }} {{ splitList \",\" \"a,b\" }} {{ (split \"$\" \"x$y\")._1 }} {{ sortAlpha (list \"b\" \"a\") }}", "a,b,c [a b] y [a b]")]
    [InlineData("{{ list 1 2 | first }}{{ last .list }}{{ rest .list }}{{ initial .list }}{{ append .list \"d\" }}{{ prepend .list \"z\" }}", "1c[b c][a b][a b c d][z a b c]")]
    [InlineData("{{ reverse .list }}{{ uniq (list 1 1 2) }}{{ without .list \"a\" }}{{ has \"b\" .list }}{{ compact (list 0 1 \"\") }}{{ concat .list (list 1) }}", "[c b a][1 2][b c]true[1][a b c 1]")]
    [InlineData("{{ $d := dict \"a\" 1 }}{{ $d := set $d \"b\" 2 }}{{ $d.b }}{{ hasKey $d \"a\" }}{{ keys $d }}{{ get $d \"z\" }}{{ omit $d \"a\" }}{{ pick $d \"a\" }}", "2true[a b]map[b:2]map[a:1]")]
    [InlineData("{{ merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3) }} {{ mergeOverwrite (dict \"a\" 1) (dict \"a\" 2) }} {{ dig \"er\" \"est\" \"no\" .deep }} {{ dig \"zz\" \"no\" .deep }}", "map[a:1 b:3] map[a:2] end no")]
    [InlineData("{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 2 }} {{ max 1 3 2 }} {{ min 3 1 }} {{ ceil 1.2 }} {{ round 1.256 2 }} {{ int \"7\" }} {{ add1 1 }}", "6 3 6 3 1 3 1 2 1.26 7 2")]
    [InlineData("{{ until 3 }} {{ untilStep 1 7 3 }} {{ seq 1 3 }}", "[0 1 2] [1 4] 1 2 3")]
    [InlineData("{{ ternary \"a\" \"b\" true }}{{ coalesce .empty .name }}{{ empty .empty }}", "aAdatrue")]
    [InlineData("{{ b64enc \"hi\" }} {{ b64dec \"aGk=\" }} {{ b32enc \"hi\" }} {{ sha256sum \"\" | trunc 8 }} {{ adler32sum \"abc\" }}", "aGk= hi NBUQ==== e3b0c442 38600999")]
    [InlineData("{{ toJson .deep }} {{ (fromJson \"{\\\"a\\\":[1]}\").a }} {{ toJson \"<\" }} {{ toRawJson \"<\" }}", "{\"er\":{\"est\":\"end\"}} [1] \"\\u003c\" \"<\"")]
    [InlineData("{{ regexMatch \"^a+$\" \"aa\" }}{{ regexReplaceAll \"a(x*)b\" \"-axxb-\" \"${1}W\" }}{{ regexFindAll \"[0-9]\" \"a1b2\" -1 }}", "true-xxW-[1 2]")]
    [InlineData("{{ regexMatch `\\Qa.b\\E$` \"xa.b\" }} {{ regexFind `[[:digit:]]+` \"ab12c\" }} {{ regexSplit `,\\s*` \"a, b\" -1 }}", "true 12 [a b]")]
    [InlineData("{{ base \"/a/b.c\" }} {{ dir \"/a/b.c\" }} {{ ext \"/a/b.c\" }} {{ clean \"/a/../b/.\" }} {{ isAbs \"/a\" }}", "b.c /a .c /b true")]
    [InlineData("{{ kindOf .list }} {{ typeOf .name }} {{ kindIs \"map\" .map }} {{ toString 3 }} {{ deepEqual .list .list }}", "slice string true 3 true")]
    public void Functions_OfTheText_GiveWhatSprigGives(string template, string expected)
    {
        Assert.Equal(expected, GoTemplateTests.Render(template));
    }
}
