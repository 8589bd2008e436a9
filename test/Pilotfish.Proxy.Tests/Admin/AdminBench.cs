using System.Text;
using Envoy.Config.Bootstrap.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tests.Admin;

/// <summary>A built data plane on the test's loop and a client of its admin server, over a stream in memory.</summary>
internal sealed class AdminBench : IDisposable
{
    private readonly EventLoop _loop;

    public AdminBench(EventLoop loop, string bootstrap)
    {
        _loop = loop;
        YamlParseResult yaml = YamlDocuments.Parse(Encoding.UTF8.GetBytes(bootstrap), "bootstrap.yaml");
        ReadResult<Bootstrap> read = MessageReader.Read<Bootstrap>(yaml.Documents[0]);
        Assert.Empty(read.Errors);
        App = ProxyApp.Build(new ProxyInputs
        {
            Bootstrap = read.Message!,
            Options = new ServeOptions { ValidateOnly = true },
            MainLoop = loop,
        });
        App.OnQuit = () => Quits++;
        App.Start();
    }

    public ProxyApp App { get; }

    public int Quits { get; private set; }

    public async Task<AdminAnswer> GetAsync(string target) => await AskAsync("GET", target);

    public async Task<AdminAnswer> PostAsync(string target) => await AskAsync("POST", target);

    public async Task<AdminAnswer> AskAsync(string method, string target)
    {
        (IByteStream ours, IByteStream theirs) = MemoryStreamPair.Create(_loop, NetAddress.Loopback(1), NetAddress.Loopback(2));
        App.ServeAdmin(theirs);
        var client = new TestClient(ours);
        await client.SendAsync($"{method} {target} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        string all = await client.ReadToEndAsync();
        ours.Close();
        int end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        string head = all[..end];
        return new AdminAnswer(
            int.Parse(head.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), head.ToLowerInvariant(), all[(end + 4)..]);
    }

    public void Dispose() => App.Dispose();
}
