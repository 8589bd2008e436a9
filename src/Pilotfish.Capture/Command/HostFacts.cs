using System.Net;
using System.Net.Sockets;
using Pilotfish.Api.Failures;
using Pilotfish.Capture.Processes;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Command;

/// <summary>What a run finds out about the machine it is on when it was not told.</summary>
internal static class HostFacts
{
    private const string ResolvConf = "/etc/resolv.conf";
    private const string Passwd = "/etc/passwd";

    /// <summary>The bit of CAP_NET_ADMIN in the masks of /proc/self/status.</summary>
    private const int NetAdminBit = 12;

    public static string DefaultProxyUid(string userName)
    {
        try
        {
            string? entry = File.ReadLines(Passwd).FirstOrDefault(line => line.StartsWith(userName + ":", StringComparison.Ordinal));
            string[] fields = entry?.Split(':') ?? [];
            return fields.Length > 2 && uint.TryParse(fields[2], out _) ? fields[2] : CaptureConfig.DefaultProxyUser;
        }
        catch (IOException)
        {
            // An image without users; the injected uid is the convention.
            return CaptureConfig.DefaultProxyUser;
        }
    }

    /// <summary>Servers of resolv.conf that are addresses; a zone ("fe80::1%eth0") is dropped, as rules cannot hold it.</summary>
    public static DnsServers ResolvConfServers()
    {
        try
        {
            return DnsServers.From(File.ReadLines(ResolvConf)
                .Select(line => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
                .Where(words => words is ["nameserver", _, ..])
                .Select(words => words[1].Split('%')[0])
                .Where(server => IpCidr.TryParseAddress(server, out IPAddress? _)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException(
                $"'{ResolvConf}' cannot be read ({FailureText.Of(e)}), so the resolvers to capture are unknown. Name them with "
                + $"--{IptablesFlags.DnsServers}, or capture all with --{IptablesFlags.CaptureAllDns}.");
        }
    }

    /// <summary>The pod's own addresses, neither loopback nor link-local.</summary>
    public static IReadOnlyList<IPAddress> Addresses(ICommandRunner runner)
    {
        CommandResult shown = runner.Run("ip", ["-o", "addr", "show"]);
        if (shown.ExitCode != 0)
        {
            throw new CaptureException(shown.IsMissing
                ? "The program 'ip' was not found. Install it with 'apt-get install iproute2', or set --ipv6=true or --ipv6=false."
                : $"'ip -o addr show' failed: {shown.ErrorText}");
        }

        return [.. shown.Output.Split('\n').Select(ParseAddressLine).OfType<IPAddress>()];
    }

    /// <summary>IPv6 rules are for pods with only IPv6, or, dual stack, for pods with any.</summary>
    public static bool WantsIPv6(IReadOnlyList<IPAddress> addresses, bool dualStack)
    {
        if (addresses.Count == 0)
        {
            throw new CaptureException(
                "This network namespace has no address but loopback, so it is unknown which IP families to capture. "
                + $"Run this after the pod's interface is up, or set --{IptablesFlags.IPv6}=true or --{IptablesFlags.IPv6}=false.");
        }

        bool v6 = addresses.Any(a => a.AddressFamily == AddressFamily.InterNetworkV6);
        bool v4 = addresses.Any(a => a.AddressFamily == AddressFamily.InterNetwork);
        return v6 && (dualStack || !v4);
    }

    public static void DemandPrivileges()
    {
        string? line = File.ReadLines("/proc/self/status")
            .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        ulong capabilities = line is null ? 0 : Convert.ToUInt64(line["CapEff:".Length..].Trim(), 16);
        if ((capabilities & (1UL << NetAdminBit)) == 0)
        {
            throw new CaptureException(
                "Setting rules needs root with the capabilities NET_ADMIN and NET_RAW, which this process has not. Set "
                + "runAsUser: 0 and add both to the container's securityContext, run it with sudo, or use the CNI plugin.");
        }
    }

    private static IPAddress? ParseAddressLine(string line)
    {
        // "2: eth0    inet 10.0.0.5/24 brd ... scope global eth0"
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int family = Array.FindIndex(words, word => word is "inet" or "inet6");
        bool ok = family >= 0 && family + 1 < words.Length
            && IpCidr.TryParseAddress(words[family + 1].Split('/')[0], out IPAddress? _);
        if (!ok)
        {
            return null;
        }

        IPAddress address = IPAddress.Parse(words[family + 1].Split('/')[0]);
        bool linkLocalV4 = address.GetAddressBytes() is [169, 254, ..];
        bool own = !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal && !linkLocalV4
            && !address.Equals(IpCidr.InboundPassthroughV6.Address);
        return own ? address : null;
    }
}
