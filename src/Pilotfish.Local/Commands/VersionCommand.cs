using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilotfish.Agent.Commands;
using Pilotfish.Api.Names;
using Pilotfish.Local.Network;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Commands;

/// <summary>`version`: this program, and, with --remote, the control plane and the sidecars of a mesh on this machine.</summary>
public static class VersionCommand
{
    private const int ExitSuccess = 0;
    private const int ExitFailure = 1;

    private const int DebugPort = 8080;
    private const int MonitoringPort = 15014;
    private const string Component = "pilot";
    private const string Revision = "default";

    /// <summary>Its pages are small and local; one that hangs must not hold up a look at a version.</summary>
    private static readonly TimeSpan s_answerDeadline = TimeSpan.FromSeconds(5);

    /// <param name="mesh">Folder or id; null for the current folder's, else the only one.</param>
    /// <param name="isRemote">Whether the mesh is asked, too. Where none runs and none was named, this program's version is all.</param>
    /// <param name="isShort">Versions alone.</param>
    /// <param name="format">json, yaml, or empty for text.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    public static async Task<int> RunAsync(
        string? mesh, bool isRemote, bool isShort, string format, TextWriter output, TextWriter error)
    {
        if (VersionReport.Problem(format) is { } problem)
        {
            await error.WriteLineAsync($"error: {problem}");
            return ExitFailure;
        }

        var report = new VersionReport(BuildInfo.Current);
        try
        {
            if (isRemote)
            {
                report = await AskAsync(report, mesh);
            }
        }
        catch (LocalException e)
        {
            // What is known is printed all the same, as istioctl does.
            report.Write(output, format, isShort);
            await error.WriteLineAsync($"error: {e.Message}");
            return ExitFailure;
        }

        report.Write(output, format, isShort);
        return ExitSuccess;
    }

    private static async Task<VersionReport> AskAsync(VersionReport report, string? mesh)
    {
        if (mesh is null && MeshLocator.Running().Count == 0)
        {
            return report;
        }

        MeshFolders folders = MeshLocator.Find(mesh).Folders;
        if (!Environment.IsPrivilegedProcess)
        {
            throw new LocalException(
                $"The control plane of mesh '{folders.Id}' can be asked by root alone. Use sudo, or --remote=false for this program's version.");
        }

        try
        {
            using NetworkNamespaceThread sockets = NetworkNamespaceThread.Enter($"/run/netns/{folders.NodeNamespace}");
            string version = await GetAsync(sockets, MonitoringPort, "/version");
            return report with
            {
                Mesh = [new ServerVersion(Component, Revision, BuildInfo.Parse(version))],
                Proxies = Proxies(await GetAsync(sockets, DebugPort, "/debug/syncz")),
            };
        }
        catch (Exception e) when (
            e is HttpRequestException or OperationCanceledException or IOException or JsonException or System.ComponentModel.Win32Exception)
        {
            throw new LocalException(
                $"The control plane of mesh '{folders.Id}' does not answer; its log is '{folders.ControlPlaneLog}'.", e);
        }
    }

    // Internal for testing.
    /// <summary>The proxies of a `/debug/syncz` page.</summary>
    internal static IReadOnlyList<ProxyVersion> Proxies(string syncz) =>
    [
        .. (JsonNode.Parse(syncz) as JsonArray ?? []).Select(proxy => new ProxyVersion(
            (string?)proxy?["proxy"] ?? "", (string?)proxy?["istio_version"] ?? "", (string?)proxy?["proxy_type"] ?? "")),
    ];

    private static async Task<string> GetAsync(NetworkNamespaceThread sockets, int port, string path)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancel) =>
            {
                Socket socket = sockets.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                await socket.ConnectAsync(new IPEndPoint(AddressPlan.ControlPlane, port), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler) { Timeout = s_answerDeadline };
        return await client.GetStringAsync($"http://{AddressPlan.ControlPlane}:{port}{path}");
    }
}
