using System.Net.Sockets;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.EndToEnd.Agent;

/// <summary>Asks a port of a namespace's loopback.</summary>
internal static class NamespaceHttp
{
    /// <summary>Status 0 while nobody listens.</summary>
    public static async Task<(int Status, string Body)> AskAsync(NetworkNamespaceThread inside, int port, string path, HttpMethod? method = null)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) =>
            {
                Socket socket = inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                await socket.ConnectAsync("127.0.0.1", port, stop);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler);
        try
        {
            using var request = new HttpRequestMessage(method ?? HttpMethod.Get, $"http://127.0.0.1:{port}{path}");
            using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        catch (HttpRequestException)
        {
            return (0, "");
        }
    }
}
