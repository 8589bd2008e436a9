using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Pilotfish.EndToEnd.Protocols;
using Pilotfish.EndToEnd.Rpc;

[assembly: AssemblyFixture(typeof(RpcPlace))]

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>
/// gRPC servers of two makes, in plaintext and TLS, behind one `serve` with a listener for each: <c>h2c-kestrel</c>, <c>tls-kestrel</c>,
/// <c>h2c-node</c>, <c>tls-node</c>. Started by the first test that asks.
/// </summary>
public sealed class RpcPlace() : ServePlace("pilotfish-rpc-")
{
    /// <summary>One record per call: id, gRPC status, HTTP status, details, attempts.</summary>
    public string AccessLog => Path.Combine(Folder, "access.log");

    internal async Task<string> UrlAsync(string listener)
    {
        IPEndPoint at = await (await ServeAsync()).ListenerAsync(listener);
        return listener.StartsWith("tls", StringComparison.Ordinal) ? $"https://localhost:{at.Port}" : $"http://{at}";
    }

    /// <summary>The access log's record of a call, once it is written.</summary>
    internal async Task<string> RecordAsync(string id)
    {
        while (true)
        {
            string[] lines = File.Exists(AccessLog) ? await File.ReadAllLinesAsync(AccessLog, TestContext.Current.CancellationToken) : [];
            if (lines.FirstOrDefault(line => line.StartsWith(id + " ", StringComparison.Ordinal)) is { } record)
            {
                return record;
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    protected override async Task<string> StartServersAsync(X509Certificate2 certificate)
    {
        int[] kestrel = await StartKestrelAsync(static builder => builder.Services.AddGrpc(), options =>
        {
            options.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
            options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(certificate);
            });
        }, static kestrel => kestrel.MapGrpcService<EchoService>());
        int[] node = await StartNodeAsync("grpc.js", "server", NodeProcess.Script("../Rpc/echo.proto"), ChainFile, KeyFile);
        return RpcBootstrap.Write(Folder, AccessLog, new Dictionary<string, int>
        {
            ["h2c-kestrel"] = kestrel[0],
            ["tls-kestrel"] = kestrel[1],
            ["h2c-node"] = node[0],
            ["tls-node"] = node[1],
        });
    }
}
