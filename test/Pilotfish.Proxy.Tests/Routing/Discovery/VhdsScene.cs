using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.OnDemand.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Filters.OnDemand;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Tests.Routing.Discovery;

/// <summary>A connection manager whose route configuration `r` comes by RDS and its virtual hosts by VHDS, with the filter that asks for them.</summary>
internal sealed class VhdsScene
{
    public const string FromAds = "vhds: {config_source: {ads: {}}}";

    public VhdsScene(EventLoop loop, Action<HttpConnectionManager>? configure = null, Action<ProxyBench>? prepare = null)
    {
        Bench = new ProxyBench(loop);
        prepare?.Invoke(Bench);
        var factory = new OnDemandFilterFactory();
        Bench.Context.Extensions.Register<IHttpFilterFactory>(factory);
        Bench.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(factory);
        Bench.Serve(hcm =>
        {
            hcm.Rds = new Rds { RouteConfigName = "r", ConfigSource = new Envoy.Config.Core.V3.ConfigSource { Ads = new() } };
            hcm.HttpFilters.Insert(0, ProxyBench.Filter("envoy.filters.http.on_demand", new OnDemand()));
            configure?.Invoke(hcm);
        });
    }

    public ProxyBench Bench { get; }

    /// <summary>The control plane's side of VHDS, once it was asked for.</summary>
    public ScriptedNames Hosts => Bench.Subscriptions.Demands[0];

    /// <summary>A route configuration `r` with what is written in it, mostly virtual hosts of its own.</summary>
    public void PushRoutes(string fields = "", string vhds = FromAds) =>
        Bench.Subscriptions.Push("r", Messages.Parse<RouteConfiguration>($"{{name: r, {fields}{(fields.Length > 0 ? ", " : "")}{vhds}}}"));

    /// <summary>The start: routes with VHDS, whose first response is there and empty.</summary>
    public void Begin(string fields = "")
    {
        PushRoutes(fields);
        Hosts.Know();
    }

    /// <summary>A virtual host that answers everything with a text, as YAML.</summary>
    public static string HostYaml(string name, string domains, string body, string more = "") =>
        $"{{name: {name}, domains: [{domains}], {more}routes: [{{match: {{prefix: /}}, direct_response: {{status: 200, body: {{inline_string: '{body}'}}}}}}]}}";

    public static VirtualHost Host(string name, string domains, string body, string more = "") =>
        Messages.Parse<VirtualHost>(HostYaml(name, domains, body, more));

    /// <summary>One resource of a response, named as its message.</summary>
    public static (string Name, IMessage? Message, string[] Aliases) Resource(VirtualHost host, params string[] aliases) => (host.Name, host, aliases);

    /// <summary>An answer without content: the control plane has no such host.</summary>
    public static (string Name, IMessage? Message, string[] Aliases) Nothing(string name, params string[] aliases) => (name, null, aliases);

    public Task<string> AskAsync(string host, string path = "/") => AskAsync(Bench.Connect(), host, path);

    /// <summary>The body of a 200, or the status.</summary>
    public static async Task<string> AskAsync(TestClient client, string host, string path = "/")
    {
        await client.SendAsync($"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        return await ReadAsync(client);
    }

    public static async Task<string> ReadAsync(TestClient client)
    {
        string head = await client.ReadHeadAsync();
        string length = head.Split('\n').First(static line => line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase))[15..].Trim();
        string body = await client.ReadBytesAsync(int.Parse(length, System.Globalization.CultureInfo.InvariantCulture));
        return head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? body : head[9..12];
    }

    /// <summary>Waits until a question was asked for the n-th time.</summary>
    public Task AskedAsync(string name, int times = 1) =>
        TestPeers.UntilAsync(Bench.Loop, () => Hosts.Asked.Count(asked => asked == name) >= times);

    public Task UntilAsync(Func<bool> condition) => TestPeers.UntilAsync(Bench.Loop, condition);
}
