using System.Globalization;
using System.Net;
using Pilotfish.Capture.Cni.Install;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>
/// Looks through the processes of the node for one whose network has the pod's address, and takes the oldest: that is the
/// container that holds the network, which outlives the validation. Nothing is entered: /proc shows each process its own network.
/// </summary>
/// <param name="proc">The node's /proc, as this pod sees it.</param>
internal sealed class ProcNetworkNamespaces(string proc) : INetworkNamespaces
{
    /// <summary>The 22nd field of /proc/PID/stat, counted from behind the program's name, which is the 2nd.</summary>
    private const int StartTimeField = 19;

    private const string LocalAddress = "/32 host LOCAL";

    public string? Find(string podIp)
    {
        if (!IPAddress.TryParse(podIp, out IPAddress? address))
        {
            return null;
        }

        if (!Directory.Exists(proc))
        {
            throw new CaptureException(
                $"'{proc}' is not there, so the pod's network cannot be found. Mount the node's /proc at it, or delete broken pods "
                + $"instead (--{InstallFlags.RepairDeletePods}).");
        }

        (string Path, ulong Started)? oldest = null;
        foreach (string process in Directory.EnumerateDirectories(proc))
        {
            if (!Path.GetFileName(process).All(char.IsAsciiDigit))
            {
                continue;
            }

            try
            {
                if (HasAddress(process, address) && StartTime(process) is var started && (oldest is null || started < oldest.Value.Started))
                {
                    oldest = (Path.Combine(process, "ns", "net"), started);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Processes come and go while one looks; a kernel thread has no network of its own.
            }
        }

        return oldest?.Path;
    }

    private static bool HasAddress(string process, IPAddress address) =>
        address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            ? HasV4(Path.Combine(process, "net", "fib_trie"), address.ToString())
            : HasV6(Path.Combine(process, "net", "if_inet6"), Convert.ToHexStringLower(address.GetAddressBytes()));

    /// <summary>The routing table names addresses of our own in two lines: `|-- 10.0.0.5`, then `/32 host LOCAL`.</summary>
    private static bool HasV4(string file, string address)
    {
        bool isNamed = false;
        foreach (string line in File.ReadLines(file))
        {
            string text = line.Trim();
            if (isNamed && text == LocalAddress)
            {
                return true;
            }

            if (text.StartsWith("|--", StringComparison.Ordinal))
            {
                isNamed = text[3..].Trim() == address;
            }
        }

        return false;
    }

    private static bool HasV6(string file, string address) =>
        File.ReadLines(file).Any(line => line.StartsWith(address, StringComparison.OrdinalIgnoreCase));

    private static ulong StartTime(string process)
    {
        string stat = File.ReadAllText(Path.Combine(process, "stat"));
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return ulong.Parse(fields[StartTimeField], CultureInfo.InvariantCulture);
    }
}
