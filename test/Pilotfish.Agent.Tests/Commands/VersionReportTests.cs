using Pilotfish.Agent.Commands;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Tests.Commands;

public sealed class VersionReportTests
{
    private static readonly BuildInfo s_build = new("0.1.0", "abc", ".NET 10", "unknown");

    private static readonly VersionReport s_mesh = new(
        s_build,
        [new ServerVersion("pilot", "default", s_build with { Version = "0.2.0" })],
        [new ProxyVersion("b.default", "1.29.0", "sidecar"), new ProxyVersion("a.default", "1.29.0", "sidecar"), new ProxyVersion("c.x", "1.8.1", "sidecar")]);

    [Fact]
    public void Text_Short_IsVersionsAlone()
    {
        Assert.Equal(
            "client version: 0.1.0\ncontrol plane version: 0.2.0\ndata plane version: 1.29.0 (2 proxies), 1.8.1 (1 proxies)\n",
            Write(s_mesh, "", isShort: true));
        Assert.Equal("client version: 0.1.0\n", Write(new VersionReport(s_build), "", isShort: true));
        Assert.EndsWith("data plane version: none\n", Write(s_mesh with { Proxies = [] }, "", isShort: true), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_Short_NamesServersOfDifferentVersions()
    {
        VersionReport mixed = s_mesh with { Mesh = [.. s_mesh.Mesh!, new ServerVersion("canary", "canary", s_build)] };

        Assert.Contains("pilot version: 0.2.0\ncanary version: 0.1.0\n", Write(mixed, "", isShort: true), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_Long_IsIstiosForm()
    {
        Assert.StartsWith(
            "client version: version.BuildInfo{Version:\"0.1.0\", GitRevision:\"abc\", GolangVersion:\".NET 10\", BuildStatus:\"unknown\", GitTag:\"0.1.0\"}\n",
            Write(s_mesh, "", isShort: false),
            StringComparison.Ordinal);
        Assert.EndsWith(
            "data plane version: version.ProxyInfo{ID:\"c.x\", IstioVersion:\"1.8.1\", Type:\"sidecar\"}\n",
            Write(s_mesh, "", isShort: false),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Json_HasIstiosKeys()
    {
        using var document = System.Text.Json.JsonDocument.Parse(Write(s_mesh, "json", isShort: true));

        Assert.Equal("0.1.0", document.RootElement.GetProperty("clientVersion").GetProperty("version").GetString());
        Assert.Equal("0.2.0", document.RootElement.GetProperty("meshVersion")[0].GetProperty("Info").GetProperty("tag").GetString());
        Assert.Equal("a.default", document.RootElement.GetProperty("dataPlaneVersion")[1].GetProperty("ID").GetString());
        Assert.DoesNotContain("meshVersion", Write(new VersionReport(s_build), "json", isShort: true), StringComparison.Ordinal);
    }

    [Fact]
    public void Yaml_SaysTheSameAsJson()
    {
        var parsed = Api.Yaml.YamlDocuments.Parse(Write(s_mesh with { Client = s_build with { Revision = "a: \"b\" #c" } }, "yaml", isShort: true), "printed");

        Assert.Empty(parsed.Errors);
        var root = (Api.Yaml.YamlMapping)parsed.Documents.Single();
        Assert.Equal("a: \"b\" #c", root.Mapping("clientVersion")!.Text("revision"));
        var server = (Api.Yaml.YamlMapping)root.Sequence("meshVersion")!.Items.Single();
        Assert.Equal("0.2.0", server.Mapping("Info")!.Text("version"));
        Assert.Equal(3, root.Sequence("dataPlaneVersion")!.Items.Count);
    }

    [Theory]
    [InlineData("--short", 0, "client version: ")]
    [InlineData("-s", 0, "client version: ")]
    [InlineData("", 0, "client version: version.BuildInfo{Version:")]
    [InlineData("-o json", 0, "{")]
    [InlineData("--output=yaml", 0, "clientVersion:")]
    [InlineData("-o xml", 255, "--output must be 'yaml' or 'json'")]
    [InlineData("--remote", 255, "unknown flag: --remote")]
    [InlineData("more", 255, "'version' takes no argument, but 'more' was given")]
    [InlineData("--help", 0, "Usage: version")]
    public void Command_TakesPilotAgentsFlags(string args, int exit, string expected)
    {
        var output = new StringWriter();

        int code = AgentCommand.Run("version", args.Split(' ', StringSplitOptions.RemoveEmptyEntries), new Dictionary<string, string>(), output, output);

        Assert.Equal(exit, code);
        Assert.Contains(expected, output.ToString(), StringComparison.Ordinal);
    }

    private static string Write(VersionReport report, string format, bool isShort)
    {
        var output = new StringWriter { NewLine = "\n" };
        report.Write(output, format, isShort);
        return output.ToString();
    }
}
