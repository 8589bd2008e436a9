using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>Every operator in every form against the text that the documentation gives for it.</summary>
public sealed class FormatTableTests
{
    // Values that differ between machines or runs.
    private static readonly string[] s_elsewhere =
    [
        "CONNECTION_ID",
        "HOSTNAME",
        "UNIQUE_ID",
        "START_TIME_LOCAL",
        "EMIT_TIME_LOCAL",
    ];

    public static TheoryData<string, string> Good => Rows(FormatRows.Good);

    public static TheoryData<string, string> Bad => Rows(FormatRows.Bad);

    [Theory]
    [MemberData(nameof(Good))]
    public void Append_Row_PrintsTheDocumentedText(string format, string expected)
    {
        FormatOutput output = new();
        FormatProgram.Compile(format, "format").Append(output, FormatFacts.Create(), AccessLogType.DownstreamEnd);

        Assert.Equal(expected, output.ToString());
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void Compile_BadRow_NamesOperatorAndPosition(string text, string name)
    {
        ConfigRejectedException error =
            Assert.Throws<ConfigRejectedException>(() => FormatProgram.Compile("ab %" + text + "%", "log_format.text_format"));

        Assert.Equal("log_format.text_format", error.Field);
        Assert.Contains("%" + name, error.Message);
        Assert.Contains("character 4", error.Message);
    }

    // A control plane holds formats against the table and has no compiler: a name in one of them alone would be refused by one side only.
    [Fact]
    public void Names_AreThoseOfTheTableThatBothSidesHave() =>
        Assert.Equal(FormatOperatorTable.Names.Order(StringComparer.Ordinal), FormatOperators.Names.Order(StringComparer.Ordinal));

    [Fact]
    public void Table_HasARowForEveryOperator()
    {
        List<string> missing = [.. FormatOperators.Names.Where(name =>
            !FormatRows.Good.Contains("%" + name + "%", StringComparison.Ordinal)
            && !FormatRows.Good.Contains("%" + name + "(", StringComparison.Ordinal)
            && !FormatRows.Good.Contains("%" + name + ":", StringComparison.Ordinal))];

        Assert.Equal(s_elsewhere.Order(), missing.Order());
    }

    private static TheoryData<string, string> Rows(string table)
    {
        TheoryData<string, string> rows = [];
        foreach (string line in table.Split('\n'))
        {
            string[] parts = line.Split(FormatRows.Separator);
            rows.Add(parts[0], parts[1]);
        }

        return rows;
    }
}
