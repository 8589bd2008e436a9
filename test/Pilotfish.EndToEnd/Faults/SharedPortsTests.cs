using System.Diagnostics;
using System.Globalization;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Faults;

/// <summary>
/// Ports belong to the network namespace, descriptors to the process: so many connections that one process may not hold them
/// all still compete for the same ports of 127.0.0.6. Several proxies, backends and clients share one namespace here.
/// </summary>
public sealed class SharedPortsTests
{
    // What an inbound sidecar's namespace must bear; the kernel's usual range below has 28,232 ports.
    private const int Connections = 40_100;
    private const string PortRange = "32768 60999";

    // A pair of addresses has the whole range of ports: each backend gets a third of it.
    private const int Backends = 4;
    private const int FirstBackendPort = 20_001;
    private const int FirstListenerPort = 21_001;
    private const int ConnectionsOfOneProxyMax = 8_000;

    // Listeners, epolls, logs, files of the runtime, and pipes while bytes are spliced.
    private const int DescriptorsBeside = 1_000;
    private const int DescriptorsNeeded = 8_192;

    // Says at once whom it sees, and holds what it accepted; ends with its standard input.
    private const string Backend = """
        use Socket; $| = 1; ($port) = @ARGV;
        socket($l, PF_INET, SOCK_STREAM, 0); setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
        bind($l, sockaddr_in($port, INADDR_LOOPBACK)) or die "bind: $!"; listen($l, 4096);
        print "listening\n";
        vec($in, fileno(STDIN), 1) = 1; vec($in, fileno($l), 1) = 1;
        while (select($ready = $in, undef, undef, undef) > 0) {
            exit if vec($ready, fileno(STDIN), 1);
            $peer = accept(my $c, $l) or die "accept: $!";
            push @held, $c;
            ($p, $a) = sockaddr_in($peer);
            syswrite($c, inet_ntoa($a) . "\n");
        }
        """;

    // Opens its connections one by one, each of which must be told the source address by the backend; holds them likewise.
    private const string Client = """
        use Socket; $| = 1; ($port, $count) = @ARGV;
        for $i (1 .. $count) {
            socket(my $c, PF_INET, SOCK_STREAM, 0) or die "socket $i: $!";
            connect($c, sockaddr_in($port, INADDR_LOOPBACK)) or die "connect $i: $!";
            sysread($c, $said, 64); $said eq "127.0.0.6\n" or die "connection $i got '$said'\n";
            push @held, $c;
        }
        print "open\n"; <STDIN>;
        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task BindSource_FortyThousandConnectionsOverSeveralBackends_AllOpen()
    {
        Prerequisite.Program("perl", "prlimit");
        int limit = DescriptorLimit();
        Prerequisite.Require(limit >= DescriptorsNeeded, $"This test needs `ulimit -Hn` to be {DescriptorsNeeded} or more; it is {limit}.");
        int each = Math.Min(ConnectionsOfOneProxyMax, (limit - DescriptorsBeside) / 2);
        int proxies = (Connections + each - 1) / each;
        int backends = Math.Max(Backends, (Connections / (limit - DescriptorsBeside)) + 1);

        using TestNamespace place = TestNamespace.Create();
        place.Run("sysctl", "-q", "-w", $"net.ipv4.ip_local_port_range={PortRange}");
        var peers = new List<Process>();
        var serves = new List<ServeProcess>();
        try
        {
            for (int i = 0; i < backends; i++)
            {
                peers.Add(Perl(place, limit, Backend, FirstBackendPort + i));
                await LineAsync(peers[^1], "listening");
            }

            string[] inside = ["ip", "netns", "exec", place.Name];
            await Task.WhenAll(Enumerable.Range(FirstListenerPort, proxies).Select(async port =>
            {
                ServeProcess serve = await ServeProcess.StartAsync(Bootstrap(port, backends), inside);
                lock (serves)
                {
                    serves.Add(serve);
                }
            }));

            List<Process> clients = [];
            for (int i = 0, left = Connections; left > 0; i++, left -= each)
            {
                clients.Add(Perl(place, limit, Client, FirstListenerPort + i, Math.Min(each, left)));
            }

            peers.AddRange(clients);
            await Task.WhenAll(clients.Select(static client => LineAsync(client, "open")));
            Assert.Equal(Connections, place.Enter().Run(FromBindSource));
            Assert.All(serves, static serve => Assert.False(serve.HasExited));
        }
        finally
        {
            peers.ForEach(End);
            serves.ForEach(static serve => serve.Dispose());
        }
    }

    private static string Bootstrap(int port, int backends)
    {
        string endpoints = string.Join("\n", Enumerable.Range(FirstBackendPort, backends).Select(
            static port => "        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}"
                .Replace("PORT", $"{port}", StringComparison.Ordinal)));
        return """
            static_resources:
              listeners:
              - name: tcp
                address: {socket_address: {address: 127.0.0.1, port_value: PORT}}
                filter_chains:
                - filters:
                  - name: tcp
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                      stat_prefix: t
                      cluster: app
              clusters:
              - name: app
                type: STATIC
                upstream_bind_config: {source_address: {address: 127.0.0.6, port_value: 0}}
                circuit_breakers: {thresholds: [{max_connections: 4294967295, max_pending_requests: 4294967295}]}
                load_assignment:
                  cluster_name: app
                  endpoints:
                  - lb_endpoints:
            ENDPOINTS
            """.Replace("PORT", $"{port}", StringComparison.Ordinal).Replace("ENDPOINTS", endpoints, StringComparison.Ordinal);
    }

    private static int DescriptorLimit()
    {
        string line = File.ReadLines("/proc/self/limits").First(static line => line.StartsWith("Max open files", StringComparison.Ordinal));
        string hard = line["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return int.TryParse(hard, CultureInfo.InvariantCulture, out int limit) ? limit : int.MaxValue;
    }

    private static int FromBindSource() => File.ReadLines("/proc/thread-self/net/tcp").Count(static line =>
        line.Contains(": 0600007F:", StringComparison.Ordinal) && line.AsSpan(line.IndexOf(':') + 29).StartsWith(" 01 "));

    private static Process Perl(TestNamespace place, int limit, string script, params int[] args) => Process.Start(
        new ProcessStartInfo("ip",
        [
            "netns", "exec", place.Name, "prlimit", $"--nofile={limit}:{limit}", "perl", "-e", script,
            .. args.Select(static arg => arg.ToString(CultureInfo.InvariantCulture)),
        ]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static async Task LineAsync(Process process, string expected)
    {
        string? line = await process.StandardOutput.ReadLineAsync(Stop);
        Assert.True(line == expected, line is null ? await process.StandardError.ReadToEndAsync(Stop) : line);
    }

    private static void End(Process process)
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
