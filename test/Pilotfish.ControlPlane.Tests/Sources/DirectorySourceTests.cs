using System.Threading.Channels;
using Pilotfish.ControlPlane.Sources;
using Pilotfish.ControlPlane.Sources.Files;

namespace Pilotfish.ControlPlane.Tests.Sources;

public sealed class DirectorySourceTests : IDisposable
{
    private const string Rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: NAME}\nspec: {hosts: [a]}\n";

    // Far above any real latency: only a hang reaches it.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

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

    public void Dispose()
    {
        _stop.Cancel();
        Directory.Delete(_directory, recursive: true);
        _stop.Dispose();
    }

    private void Start() =>
        _ = new DirectorySource([_directory], null, "cluster.local").RunAsync(state => _states.Writer.TryWrite(state), _stop.Token);

    private async Task<SourceState> NextAsync() => await _states.Reader.ReadAsync().AsTask().WaitAsync(s_patience);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory, name), text);
}
