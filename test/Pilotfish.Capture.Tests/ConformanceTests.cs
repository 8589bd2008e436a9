using System.Text.Json;
using Pilotfish.Testing;

namespace Pilotfish.Capture.Tests;

public sealed class ConformanceTests
{
    public static IEnumerable<TheoryDataRow<string>> Cases() =>
        Directory.EnumerateFiles(ConformanceData.Folder("iptables"), "*.json")
            .Select(path => new TheoryDataRow<string>(Path.GetFileNameWithoutExtension(path)))
            .OrderBy(row => row.Data);

    [Theory]
    [MemberData(nameof(Cases))]
    public void DryRun_RecordedCase_PrintsItsRules(string name)
    {
        string folder = ConformanceData.Folder("iptables");
        using JsonDocument recorded = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, name + ".json")));
        string[] args = [.. recorded.RootElement.GetProperty("args").EnumerateArray().Select(a => a.GetString()!)];
        var environment = recorded.RootElement.GetProperty("env").EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetString()!);

        CommandRun run = CommandRun.Of(args, environment);

        Assert.Equal(0, run.ExitCode);
        string[] expected = File.ReadAllText(Path.Combine(folder, name + ".rules")).TrimEnd('\n').Split('\n');
        Assert.Equal(expected, run.Output.TrimEnd('\n').Split('\n'));
    }
}
