using System.Text;
using Pilotfish.ControlPlane.Validation;

namespace Pilotfish.ControlPlane.Tests.Validation;

/// <summary>`pilotfish validate`, by its exit code and what it prints.</summary>
public sealed class ManifestCheckTests : IDisposable
{
    private const string Telemetry = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: default}\nspec:\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("validate-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Good_SaysSoAndExitsWithZero()
    {
        var file = Write("good.yaml", Telemetry + "  accessLogging: [{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]\n");

        Assert.Equal((0, $"\"{file}\" is valid\n", ""), Run([file]));
    }

    [Theory]
    [InlineData("  accessLogging:\n  - filter:\n      expression: 'response.code >'\n", "7:19: Telemetry 'default/t': spec.accessLogging[0].filter.expression: 'response.code >' cannot be used")]
    [InlineData("  accessLogging:\n  - match: {mode: SIDEWAYS}\n", "6:19: ")]
    [InlineData("  accessLogging:\n  - providers:\n    - {}\n", "7:7: Telemetry 'default/t': spec.accessLogging[0].providers[0].name: a name is needed.")]
    public void Bad_NamesFileLineAndColumn(string spec, string problem)
    {
        var file = Write("bad.yaml", Telemetry + spec);
        var (exit, output, errors) = Run([_directory]);

        Assert.Equal((1, ""), (exit, output));
        Assert.StartsWith($"{file}:{problem}", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void UnknownProvider_IsAWarning()
    {
        var file = Write("t.yaml", Telemetry + "  accessLogging: [{providers: [{name: envoi}]}]\n");
        var (exit, _, errors) = Run([file]);

        Assert.Equal(0, exit);
        Assert.Equal($"warning: {file}:1:1: Telemetry 'default/t': spec.accessLogging[0].providers[0].name: there is no provider 'envoi' in the mesh "
            + "configuration's extensionProviders, so it logs nothing; there are envoy\n", errors);
    }

    [Fact]
    public void MeshFile_IsCheckedAndItsProvidersCount()
    {
        var manifests = Write("t.yaml", Telemetry + "  accessLogging: [{providers: [{name: mine}]}]\n");
        var good = Write("good.mesh", "extensionProviders: [{name: mine, envoyFileAccessLog: {path: /dev/stderr}}]\n");
        var bad = Write("bad.mesh", "accessLogFormat: '%NO_SUCH%'\n");

        Assert.Equal((0, ""), (Run([manifests], good).Exit, Run([manifests], good).Errors));
        Assert.Equal((1, $"{bad}:1:18: accessLogFormat: operator %NO_SUCH% is not known (at character 1 of the format).\n"), (Run([], bad).Exit, Run([], bad).Errors));
    }

    [Fact]
    public void StandardInput_IsAFileToo()
    {
        using var errors = new StringWriter();
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(Telemetry + "  accessLogging: 3\n"));

        Assert.Equal(1, ManifestCheck.Run(["-"], null, input, TextWriter.Null, errors));
        Assert.StartsWith("-:5:18: ", errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void MissingFile_IsSaidAndTheOthersAreChecked()
    {
        var missing = Path.Combine(_directory, "none.yaml");
        var good = Write("t.yaml", Telemetry);

        Assert.Equal((1, $"\"{good}\" is valid\n", $"{missing}: The file cannot be read: no such file.\n"), Run([missing, good]));
    }

    private static (int Exit, string Output, string Errors) Run(string[] files, string? mesh = null)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        return (ManifestCheck.Run(files, mesh, Stream.Null, output, errors), output.ToString(), errors.ToString());
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }
}
