using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pilotfish.Local.Manifests;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Mesh;

/// <summary>A port of this machine's loopback that leads to a service: "8080:productpage:9080".</summary>
internal sealed record PublishedPort(int HostPort, ObjectName Service, int ServicePort)
{
    /// <summary>Each holds two sockets; a runaway client must not take all descriptors of `up`.</summary>
    private const int ConnectionsMax = 1000;

    private const int BufferBytes = 64 * 1024;

    public static PublishedPort Parse(string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length == 3 && TryPort(parts[0], out int host) && TryPort(parts[2], out int service) && parts[1].Length > 0)
        {
            string[] name = parts[1].Split('.', '/');
            bool slash = parts[1].Contains('/', StringComparison.Ordinal);
            ObjectName target = name.Length == 1
                ? new ObjectName(ObjectName.DefaultNamespace, name[0])
                : slash ? new ObjectName(name[0], name[1]) : new ObjectName(name[1], name[0]);
            return new PublishedPort(host, target, service);
        }

        throw new LocalException($"--publish '{text}' must be PORT:SERVICE:PORT, for instance 8080:productpage:9080.");
    }

    public Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, HostPort));
            listener.Listen();
            return listener;
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new LocalException($"--publish: port {HostPort} of this machine cannot be used: {e.Message}.", e);
        }
    }

    /// <summary>Serves until <paramref name="stop"/>; <paramref name="find"/> gives the service's address now, or null.</summary>
    public async Task ServeAsync(Socket listener, NetworkNamespaceThread node, Func<ObjectName, IPAddress?> find, CancellationToken stop)
    {
        using var slots = new SemaphoreSlim(ConnectionsMax);
        try
        {
            while (true)
            {
                await slots.WaitAsync(stop);
                Socket client = await listener.AcceptAsync(stop);
                _ = ForwardAsync(client, node, find, stop).ContinueWith(_ => slots.Release(), TaskScheduler.Default);
            }
        }
        catch (OperationCanceledException)
        {
            // The mesh goes down.
        }
    }

    private async Task ForwardAsync(Socket client, NetworkNamespaceThread node, Func<ObjectName, IPAddress?> find, CancellationToken stop)
    {
        using (client)
        {
            try
            {
                if (find(Service) is not { } address)
                {
                    return;
                }

                using Socket server = node.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                await server.ConnectAsync(new IPEndPoint(address, ServicePort), stop);
                await Task.WhenAll(CopyAsync(client, server, stop), CopyAsync(server, client, stop));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // Either end is gone; closing both tells the other.
            }
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, CancellationToken stop)
    {
        byte[] buffer = new byte[BufferBytes];
        int read;
        while ((read = await from.ReceiveAsync(buffer, stop)) > 0)
        {
            for (int sent = 0; sent < read;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), stop);
            }
        }

        to.Shutdown(SocketShutdown.Send);
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65535;
}
