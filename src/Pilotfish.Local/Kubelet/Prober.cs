using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Kubelet;

/// <summary>Runs one check or hook against a container, from the node's address as a kubelet does.</summary>
internal sealed class Prober(NetworkNamespaceThread sockets, IPAddress podAddress)
{
    private const string ProbeAgent = "kube-probe/1.34";
    private const int RedirectsMax = 10;

    /// <summary>An empty HealthCheckRequest or one with a service name fits; the name is a label, not a text.</summary>
    private const int GrpcServiceNameMax = 120;

    /// <summary>Null when the check passed, else why not, for a person.</summary>
    public async Task<string?> CheckAsync(HandlerSpec handler, ContainerProcess container, TimeSpan timeout, CancellationToken stop)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
        deadline.CancelAfter(timeout);
        try
        {
            return handler switch
            {
                HandlerSpec.Http http => await HttpAsync(http, deadline.Token),
                HandlerSpec.Tcp tcp => await TcpAsync(tcp, deadline.Token),
                HandlerSpec.Grpc grpc => await GrpcAsync(grpc, deadline.Token),
                HandlerSpec.Exec exec => await ExecAsync(exec, container, deadline.Token),
                HandlerSpec.Pause pause => await PauseAsync(pause, deadline.Token),
                _ => throw new ArgumentOutOfRangeException(nameof(handler), handler, "A handler without a check."),
            };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return $"no answer within {timeout.TotalSeconds:0.#} seconds";
        }
        catch (Exception e) when (e is SocketException or HttpRequestException or IOException or LocalException)
        {
            return e.InnerException?.Message ?? e.Message;
        }
    }

    private async Task<string?> HttpAsync(HandlerSpec.Http http, CancellationToken stop)
    {
        using HttpClient client = NewClient();
        string host = http.Host ?? podAddress.ToString();
        string path = http.Path.StartsWith('/') ? http.Path : "/" + http.Path;
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"{(http.IsTls ? "https" : "http")}://{host}:{http.Port}{path}");
        request.Headers.TryAddWithoutValidation("User-Agent", ProbeAgent);
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach ((string name, string value) in http.Headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        int status = (int)response.StatusCode;
        return status is >= 200 and < 400 ? null : $"HTTP status {status}";
    }

    private async Task<string?> TcpAsync(HandlerSpec.Tcp tcp, CancellationToken stop)
    {
        IPAddress address = tcp.Host is not null && IPAddress.TryParse(tcp.Host, out IPAddress? named) ? named : podAddress;
        using Socket socket = NewSocket(address.AddressFamily);
        await socket.ConnectAsync(new IPEndPoint(address, tcp.Port), stop);
        return null;
    }

    /// <summary>grpc.health.v1.Health/Check, written by hand: one string in, one enumeration out.</summary>
    private async Task<string?> GrpcAsync(HandlerSpec.Grpc grpc, CancellationToken stop)
    {
        byte[] service = System.Text.Encoding.UTF8.GetBytes(grpc.Service);
        if (service.Length > GrpcServiceNameMax)
        {
            return $"the service's name is longer than {GrpcServiceNameMax} bytes";
        }

        const byte serviceField = 0x0A;
        byte[] message = service.Length == 0 ? [] : [serviceField, (byte)service.Length, .. service];
        using HttpClient client = NewClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{podAddress}:{grpc.Port}/grpc.health.v1.Health/Check")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)message.Length, .. message]),
        };
        request.Headers.TryAddWithoutValidation("TE", "trailers");
        request.Headers.TryAddWithoutValidation("User-Agent", ProbeAgent);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");
        using HttpResponseMessage response = await client.SendAsync(request, stop);
        byte[] reply = await response.Content.ReadAsByteArrayAsync(stop);

        // Frame head of five bytes, then field 1 as a varint: SERVING is 1.
        bool serving = reply is [_, _, _, _, _, 0x08, 1, ..];
        string status = response.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? values)
            ? values.First()
            : "missing";
        return serving ? null : $"not serving (grpc-status {status})";
    }

    private static async Task<string?> ExecAsync(HandlerSpec.Exec exec, ContainerProcess container, CancellationToken stop)
    {
        IReadOnlyList<string> words = container.ExecWords(exec.Command);
        (int exitCode, string error) = await HostCommand.TryRunAsync(words[0], [.. words.Skip(1)]).WaitAsync(stop);
        return exitCode == 0 ? null : $"exit code {exitCode} {error.Trim()}";
    }

    private static async Task<string?> PauseAsync(HandlerSpec.Pause pause, CancellationToken stop)
    {
        await Task.Delay(pause.Duration, stop);
        return null;
    }

    private HttpClient NewClient()
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, stop) =>
            {
                Socket socket = NewSocket(podAddress.AddressFamily);
                try
                {
                    await socket.ConnectAsync(context.DnsEndPoint, stop);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
            MaxAutomaticRedirections = RedirectsMax,
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
#pragma warning disable CA5359 // Probes never verify: the kubelet knows an address, not a name.
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
            },
        };
        return new HttpClient(handler, disposeHandler: true);
    }

    private Socket NewSocket(AddressFamily family) =>
        sockets.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
}
