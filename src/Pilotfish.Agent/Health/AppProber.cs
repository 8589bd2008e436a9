using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Pilotfish.Api.Failures;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Agent.Health;

/// <summary>Runs the application's probes as the kubelet would, from inside of the pod.</summary>
internal sealed class AppProber : IDisposable
{
    /// <summary>Kubernetes reads no more of a probe's answer either.</summary>
    public const int BodyBytesMax = 10 * 1024;

    private const int RedirectsMax = 10;

    private readonly EventLoop _loop;
    private readonly string _destination;
    private readonly int _statusPort;
    private readonly ProbeDialer _dialer;
    private readonly HttpClient _client;

    /// <param name="loop">The main loop, whose clock ends probes; every call comes on it.</param>
    /// <param name="destination">The pod's address, or "localhost" in the legacy mode.</param>
    /// <param name="statusPort">The port in the kubelet's Host header.</param>
    /// <param name="bindSource">Whether connections leave from the exempted address.</param>
    public AppProber(EventLoop loop, string destination, int statusPort, bool bindSource)
    {
        _loop = loop;
        _destination = destination;
        _statusPort = statusPort;
        _dialer = new ProbeDialer(bindSource);
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,

            // Each probe dials anew, as the kubelet does: a kept connection would hide an application that no longer accepts.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = async (context, cancellation) => new NetworkStream(
                await _dialer.DialAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellation), ownsSocket: true),
            SslOptions = new SslClientAuthenticationOptions
            {
                // Kubelet verifies no probe's certificate either: it asks for life, not for identity.
#pragma warning disable CA5359
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            },
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public async Task<ProbeResult> RunAsync(AppProbe probe, string host, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        using var limit = new LoopDeadline(_loop, probe.Timeout);
        try
        {
            return probe.Kind switch
            {
                AppProbeKind.Http => await GetAsync(probe, ProbeHeaders.Host(host, _statusPort, probe.Port), headers, limit.Token),
                AppProbeKind.Tcp => await ConnectAsync(probe, limit.Token),
                _ => await GrpcHealth.CheckAsync(_client, Authority(probe.Port), probe.Service, limit.Token),
            };
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException or IOException)
        {
            string cause = e is OperationCanceledException ? $"no answer within {probe.Timeout}" : FailureText.Of(e);
            return new ProbeResult(HttpStatusCode.InternalServerError, $"The {probe.Kind} probe of port {probe.Port} failed: {cause}");
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<ProbeResult> ConnectAsync(AppProbe probe, CancellationToken cancellation)
    {
        using Socket socket = await _dialer.DialAsync(_destination, probe.Port, cancellation);
        return new ProbeResult(HttpStatusCode.OK, "");
    }

    private async Task<ProbeResult> GetAsync(
        AppProbe probe, string host, IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancellation)
    {
        var url = new Uri($"{(probe.IsHttps ? "https" : "http")}://{Authority(probe.Port)}{probe.Path}");
        string firstHost = url.Host;
        for (int redirects = 0; ; redirects++)
        {
            using HttpRequestMessage request = Request(url, host, headers);
            using HttpResponseMessage response = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if ((int)response.StatusCode is < 300 or >= 400)
            {
                return new ProbeResult(response.StatusCode, await ReadBodyAsync(response, cancellation));
            }

            Uri? next = response.Headers.Location is { } location ? new Uri(url, location) : null;
            if (next is null || next.Host != firstHost)
            {
                // The application answers; where it would send a browser is not the kubelet's concern.
                return new ProbeResult(HttpStatusCode.OK, "");
            }

            if (redirects == RedirectsMax)
            {
                return new ProbeResult(HttpStatusCode.InternalServerError, $"stopped after {RedirectsMax} redirects");
            }

            url = next;
        }
    }

    private static HttpRequestMessage Request(Uri url, string host, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        foreach ((string name, string value) in headers)
        {
            if (ProbeHeaders.IsForwarded(name))
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (host.Length > 0)
        {
            request.Headers.Host = host;
        }

        return request;
    }

    private static async Task<string> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        byte[] body = new byte[BodyBytesMax];
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellation);
        int length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellation);
        return Encoding.UTF8.GetString(body, 0, length);
    }

    private string Authority(int port) => _destination.Contains(':') ? $"[{_destination}]:{port}" : $"{_destination}:{port}";
}
