using Pilotfish.ControlPlane.Injection.Webhook;

namespace Pilotfish.ControlPlane.Tests.Injection.Webhook;

public sealed class InjectionSettingsFilesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("inject-settings-");
    private readonly List<string> _reports = [];

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Current_WithoutFiles_IsTheDefaultInstallation()
    {
        var settings = Open().Current();

        Assert.Contains("sidecar", settings.Config.Templates.Keys);
        Assert.Equal("", settings.Revision);
    }

    [Fact]
    public void Current_AfterAChange_IsTheNewOneAndABrokenFileKeepsTheLast()
    {
        Write("config", "policy: disabled\ntemplates: {one: 'a: b'}", 1);
        var files = Open();
        var first = files.Current();
        Assert.Same(first, files.Current());

        Write("config", "policy: enabled\ntemplates: {two: 'a: b'}", 2);
        var second = files.Current();
        Write("config", "templates: {three: '{{ nope }}'}", 3);
        var third = files.Current();

        Assert.Equal(["one"], first.Config.Templates.Keys);
        Assert.Equal(["two"], second.Config.Templates.Keys);
        Assert.Same(second, third);
        Assert.Contains("nope", Assert.Single(_reports), StringComparison.Ordinal);
    }

    /// <summary>A mounted ConfigMap changes by swapping one link; length and times may be those of before.</summary>
    [Fact]
    public void Current_AfterALinkWasSwapped_IsTheNewOne()
    {
        string data = Path.Combine(_folder.FullName, "..data");
        foreach (string name in new[] { "one", "two" })
        {
            Directory.CreateDirectory(Path.Combine(_folder.FullName, name));
            Write(name + "/config", $"policy: enabled\ntemplates: {{{name}: 'a: b'}}", 1);
        }

        Directory.CreateSymbolicLink(data, "one");
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "config"), "..data/config");
        var files = Open();
        Assert.Equal(["one"], files.Current().Config.Templates.Keys);

        Directory.Delete(data);
        Directory.CreateSymbolicLink(data, "two");

        Assert.Equal(["two"], files.Current().Config.Templates.Keys);
    }

    private InjectionSettingsFiles Open() =>
        new(_folder.FullName, Path.Combine(_folder.FullName, "mesh"), _ => null, _reports.Add);

    private void Write(string name, string text, int minute)
    {
        var file = Path.Combine(_folder.FullName, name);
        File.WriteAllText(file, text);
        // Clocks of file systems are coarse; the test must not depend on them.
        File.SetLastWriteTimeUtc(file, new DateTime(2030, 1, 1, 0, minute, 0, DateTimeKind.Utc));
    }
}
