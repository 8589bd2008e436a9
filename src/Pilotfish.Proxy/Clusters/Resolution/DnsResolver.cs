using System.Net;
using Pilotfish.Language.Dns;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters.Resolution;

/// <summary>
/// Asks name servers itself, on the loop: 1 addresses and localhost, 2 hosts(5), 3 each candidate of the search list at each server in turn. It
/// knows the time to live that getaddrinfo hides, and no lookup holds a thread. Both files are read again when they change.
/// </summary>
internal sealed class DnsResolver : NameResolver
{
    /// <summary>Questions under way at once; each costs a socket, and a mesh of a thousand DNS clusters starts with as many.</summary>
    internal const int QuestionsMax = 128;

    // Chains of aliases are short in honest answers; a circle must end.
    private const int AliasesMax = 16;

    private const long MillisecondsPerSecond = 1000;

    private readonly EventLoop _loop;
    private readonly string _resolvPath;
    private readonly string _hostsPath;
    private readonly NameResolver? _system;
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private FileStamp? _resolvStamp;
    private FileStamp? _hostsStamp;
    private ResolverConfig _config = new();
    private HostsFile _hosts = HostsFile.Parse("");
    private int _underWay;

    /// <param name="loop">The main loop.</param>
    /// <param name="system">For clusters whose configuration wants the operating system's resolver.</param>
    /// <param name="resolvPath">resolv.conf(5).</param>
    /// <param name="hostsPath">hosts(5).</param>
    public DnsResolver(
        EventLoop loop, NameResolver? system = null, string resolvPath = "/etc/resolv.conf", string hostsPath = "/etc/hosts")
    {
        _loop = loop;
        _system = system;
        _resolvPath = resolvPath;
        _hostsPath = hostsPath;
    }

    public override ValueTask<NameAnswer> ResolveAsync(string name, AddressFamilyKind family) =>
        ResolveAsync(name, family, DnsResolverOptions.Default);

    public override async ValueTask<NameAnswer> ResolveAsync(string name, AddressFamilyKind family, DnsResolverOptions options)
    {
        if (options.UsesSystem && _system is not null)
        {
            return await _system.ResolveAsync(name, family);
        }

        // 1. An address is its own answer.
        if (NetAddress.TryParseIp(name, 0, out NetAddress literal))
        {
            return new NameAnswer(literal.Kind == family ? [literal] : [], 0, null);
        }

        if (IsLocalhost(name))
        {
            return new NameAnswer([family == AddressFamilyKind.IPv6 ? NetAddress.From(IPAddress.IPv6Loopback, 0) : NetAddress.Loopback(0)], 0, null);
        }

        // 2. The hosts file has no time to live: it is looked at again at each refresh.
        Reload();
        if (_hosts.Find(name, family) is { } known)
        {
            return new NameAnswer(known, 0, null);
        }

        // 3. The first candidate that has addresses; one that exists without any in this family still ends no search, as in libc.
        string? failure = null;
        foreach (string candidate in options.SkipsSearchDomains ? [name.TrimEnd('.')] : _config.Candidates(name))
        {
            NameAnswer answer = await AskAsync(candidate, family, options);
            if (answer.Addresses.Count > 0)
            {
                return answer;
            }

            failure ??= answer.Failure;
        }

        return new NameAnswer([], 0, failure);
    }

    // RFC 6761 section 6.3: never asked of a server.
    private static bool IsLocalhost(string name) =>
        name.TrimEnd('.').Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || name.TrimEnd('.').EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private async ValueTask<NameAnswer> AskAsync(string name, AddressFamilyKind family, DnsResolverOptions options)
    {
        var question = new DnsQuestion(name + ".", family == AddressFamilyKind.IPv6 ? DnsRecordType.AAAA : DnsRecordType.A);
        IReadOnlyList<NetAddress> servers = ServersOf(options);
        int attempts = options.Attempts > 0 ? options.Attempts : _config.Attempts;
        long timeout = (options.TimeoutSeconds > 0 ? options.TimeoutSeconds : _config.TimeoutSeconds) * MillisecondsPerSecond;
        string failure = "no name server is configured";
        for (int attempt = 0; attempt < attempts; attempt++)
        {
            foreach (NetAddress server in servers)
            {
                await EnterAsync();
                (DnsMessage? answer, string? problem) = await DnsQuery.AskAsync(_loop, question, server, timeout, options.UsesTcp);
                Leave();
                if (answer is null)
                {
                    failure = $"name server {server}: {problem}";
                    continue;
                }

                switch (answer.ResponseCode)
                {
                    case DnsResponseCode.NOERROR:
                        return Read(answer, question);
                    case DnsResponseCode.NXDOMAIN:
                        return new NameAnswer([], 0, null);
                    default:
                        failure = $"name server {server} answered {answer.ResponseCode}";
                        break;
                }
            }
        }

        return new NameAnswer([], 0, failure);
    }

    private IReadOnlyList<NetAddress> ServersOf(DnsResolverOptions options)
    {
        bool own = options.Servers.Count > 0 && (!options.ServersAreFallback || _config.IsDefault);
        return own ? options.Servers : _config.Servers;
    }

    /// <summary>Addresses reached from the question through aliases, and the shortest time to live on the way.</summary>
    private static NameAnswer Read(DnsMessage answer, DnsQuestion question)
    {
        string name = question.Name;
        uint ttl = uint.MaxValue;
        for (int aliases = 0; aliases < AliasesMax; aliases++)
        {
            var addresses = new List<NetAddress>();
            DnsRecord? alias = null;
            foreach (DnsRecord record in answer.Answers)
            {
                if (record.Class != DnsMessage.ClassInternet || !string.Equals(record.Name, name, StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                if (record.Type == question.Type && record.Address is { } address)
                {
                    addresses.Add(NetAddress.From(address, 0));
                    ttl = Math.Min(ttl, record.TtlSeconds);
                }
                else if (record is { Type: DnsRecordType.CNAME, Target: not null })
                {
                    alias = record;
                }
            }

            if (addresses.Count > 0 || alias is null)
            {
                return new NameAnswer(addresses, addresses.Count > 0 ? ttl * MillisecondsPerSecond : 0, null);
            }

            ttl = Math.Min(ttl, alias.TtlSeconds);
            name = alias.Target!;
        }

        return new NameAnswer([], 0, $"the answer for {question.Name} is a circle of aliases");
    }

    private async ValueTask EnterAsync()
    {
        if (_underWay >= QuestionsMax)
        {
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            await turn.Task;
            return;
        }

        _underWay++;
    }

    // A waiter takes over the place of the one that leaves.
    private void Leave()
    {
        if (_waiting.TryDequeue(out TaskCompletionSource? next))
        {
            next.SetResult();
            return;
        }

        _underWay--;
    }

    private void Reload()
    {
        if (Changed(_resolvPath, ref _resolvStamp, out string text))
        {
            _config = ResolverConfig.Parse(text);
        }

        if (Changed(_hostsPath, ref _hostsStamp, out text))
        {
            _hosts = HostsFile.Parse(text);
        }
    }

    private static bool Changed(string path, ref FileStamp? stamp, out string text)
    {
        text = "";
        FileStamp? now = FileStamp.Of(path);
        if (now == stamp)
        {
            return false;
        }

        try
        {
            text = now is null ? "" : File.ReadAllText(path);
            stamp = now;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // In the middle of a replacement; what is known stays until the next lookup.
            return false;
        }
    }
}
