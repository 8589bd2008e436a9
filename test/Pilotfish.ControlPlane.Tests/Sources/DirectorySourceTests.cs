using System.Threading.Channels;
using Pilotfish.ControlPlane.Sources;
using Pilotfish.ControlPlane.Sources.Files;
using Pilotfish.ControlPlane.Sources.Objects;
using Pilotfish.Testing;

namespace Pilotfish.ControlPlane.Tests.Sources;

public sealed class DirectorySourceTests : IDisposable
{
    private const string Rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: NAME}\nspec: {hosts: [a], http: [{route: [{destination: {host: b}}]}]}\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("controlplane-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<SourceState> _states = Channel.CreateUnbounded<SourceState>();

    [Fact]
    public async Task File_WrittenLater_IsPublished()
    {
        Start();
        Assert.Empty((await NextAsync()).Objects);
        Write("a.yaml", Rule);
        Assert.Equal("NAME", Assert.Single((await NextAsync()).Objects).Meta.Name);
    }

    [Fact]
    public async Task BrokenFile_IsReportedWithItsPlaceAndKeepsTheLastGoodState()
    {
        Write("a.yaml", Rule);
        Start();
        await NextAsync();
        Write("a.yaml", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: {hosts: 5, http: [{timeout: soon}]}\n");
        var state = await NextAsync();
        Assert.Equal("NAME", Assert.Single(state.Objects).Meta.Name);
        Assert.StartsWith(Path.Combine(_directory, "a.yaml") + ":4:", state.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DirectoryThatAppearsLater_IsFoundByTheScanAlone()
    {
        var late = Path.Combine(_directory, "late");
        Start(late);
        Assert.Empty((await NextAsync()).Objects);
        Directory.CreateDirectory(late);
        Write("late/a.yaml", Rule);
        Assert.Single((await NextAsync()).Objects);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task FoldersBelow_CountUnlessTheyAreToBeLeftOut(bool isRecursive, int expected)
    {
        Write("a.yaml", Rule);
        Directory.CreateDirectory(Path.Combine(_directory, "bin"));
        Write("bin/b.yaml", Rule.Replace("NAME", "below", StringComparison.Ordinal));

        _ = new DirectorySource([_directory], null, "cluster.local", isRecursive).RunAsync(state => _states.Writer.TryWrite(state), _stop.Token);

        Assert.Equal(expected, (await NextAsync()).Objects.Count);
    }

    [Fact]
    public async Task EarlierDirectory_WinsWhereBothHoldAnObject()
    {
        var state = Directory.CreateDirectory(Path.Combine(_directory, "state")).FullName;
        var config = Directory.CreateDirectory(Path.Combine(_directory, "config")).FullName;
        const string Service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: ADDRESS, ports: [{port: 1}]}\n";
        Write("config/s.yaml", Service.Replace("ADDRESS", "None", StringComparison.Ordinal));
        Write("state/s.yaml", Service.Replace("ADDRESS", "10.0.0.1", StringComparison.Ordinal));
        Start(state, config);
        var (snapshot, _) = ControlPlane.Config.ConfigSnapshot.Empty.ReplaceAll((await NextAsync()).Objects);
        var service = snapshot.OfKind(ControlPlane.Config.ConfigKind.Service)[0].As<ControlPlane.Registry.MeshService>();
        Assert.Equal(["10.0.0.1"], service.Addresses);
    }

    [Fact]
    public async Task SwappedLink_IsSeen()
    {
        Write("../one-" + Path.GetFileName(_directory), Rule);
        var one = Path.Combine(Path.GetDirectoryName(_directory)!, "one-" + Path.GetFileName(_directory));
        var link = Path.Combine(_directory, "link.yaml");
        File.CreateSymbolicLink(link, one);
        Start();
        Assert.Single((await NextAsync()).Objects);
        Write(".hidden-two.yaml", Rule.Replace("NAME", "other", StringComparison.Ordinal));
        var temporary = Path.Combine(_directory, ".swap");
        File.CreateSymbolicLink(temporary, Path.Combine(_directory, ".hidden-two.yaml"));
        File.Move(temporary, link, overwrite: true);
        Assert.Equal("other", Assert.Single((await NextAsync()).Objects).Meta.Name);
        File.Delete(one);
    }

    [Fact]
    public async Task SwappedFolderLink_OfAMountedConfigMap_IsSeen()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "..one"));
        Directory.CreateDirectory(Path.Combine(_directory, "..two"));
        Write("..one/a.yaml", Rule);
        Write("..two/a.yaml", Rule.Replace("NAME", "next", StringComparison.Ordinal));

        // Same time and length: only the way to the file tells.
        File.SetLastWriteTimeUtc(Path.Combine(_directory, "..one/a.yaml"), DateTime.UnixEpoch);
        File.SetLastWriteTimeUtc(Path.Combine(_directory, "..two/a.yaml"), DateTime.UnixEpoch);
        Directory.CreateSymbolicLink(Path.Combine(_directory, "..data"), "..one");
        File.CreateSymbolicLink(Path.Combine(_directory, "a.yaml"), "..data/a.yaml");
        Start();
        Assert.Equal("NAME", Assert.Single((await NextAsync()).Objects).Meta.Name);
        File.Delete(Path.Combine(_directory, "..data"));
        Directory.CreateSymbolicLink(Path.Combine(_directory, "..data"), "..two");
        var state = await NextAsync();
        Assert.Equal("next", Assert.Single(state.Objects.Count > 0 ? state.Objects : (await NextAsync()).Objects).Meta.Name);
    }

    [Theory]
    [InlineData("no route at all", "spec: {hosts: [a]}", "NAME", "4:7")]
    [InlineData("weights that sum to nothing", "spec: {hosts: [a], http: [{route: [{destination: {host: b}, weight: -1}]}]}", "NAME", "4:69")]
    public async Task ObjectThatBreaksARuleOfItsKind_IsReportedAndKeepsTheLastGoodState(string label, string spec, string kept, string place)
    {
        Write("a.yaml", Rule);
        Start();
        await NextAsync();
        Write("a.yaml", $"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: x}}\n{spec}\n");
        var state = await NextAsync();
        Assert.True(Assert.Single(state.Objects).Meta.Name == kept, label);
        Assert.StartsWith(Path.Combine(_directory, "a.yaml") + $":{place}: VirtualService 'default/x': ", state.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MeshConfiguration_WithABadFormat_IsReportedAtStartAndLiveAndTheLastGoodOneStays()
    {
        WriteMesh("%NO_SUCH%");
        Start();
        var state = await NextAsync();
        Assert.Empty(state.Objects);
        Assert.Contains("mesh.yaml:6:22: ConfigMap istio-system/istio, key mesh: accessLogFormat: operator %NO_SUCH% is not known", state.Errors[0].ToString(),
            StringComparison.Ordinal);

        WriteMesh("%PROTOCOL%");
        state = await NextAsync();
        Assert.Empty(state.Errors);
        Assert.Equal("%PROTOCOL%", Format(state));

        WriteMesh("%DURATION(x)%");
        state = await NextAsync();
        Assert.Contains("operator %DURATION% takes no arguments, but has '(x)' (at character 1 of the format)", state.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal("%PROTOCOL%", Format(state));
    }

    public void Dispose()
    {
        _stop.Cancel();
        Directory.Delete(_directory, recursive: true);
        _stop.Dispose();
    }

    private void Start(params string[] directories) =>
        _ = new DirectorySource(directories.Length == 0 ? [_directory] : directories, null, "cluster.local").RunAsync(state => _states.Writer.TryWrite(state), _stop.Token);

    private async Task<SourceState> NextAsync() => await _states.Reader.ReadAsync().AsTask().WaitAsync(Patience.Limit);

    private static string Format(SourceState state) =>
        ((ConfigMapContent)Assert.Single(state.Objects).Body).Mesh!.AccessLogFormat;

    private void WriteMesh(string format) => Write("mesh.yaml",
        $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n    accessLogFormat: '{format}'\n");

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory, name), text);
}
