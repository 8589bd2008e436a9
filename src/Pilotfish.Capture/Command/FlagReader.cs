using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Command;

/// <summary>
/// Turns flag texts into typed values. Anything that would not survive as one word of restore input, or that iptables
/// would read as something else, is refused here with the flag and the value named; no rule has been touched yet.
/// </summary>
internal sealed class FlagReader(IReadOnlyDictionary<string, FlagValue> values)
{
    /// <summary>Each entry is a rule that packets walk through one by one; a list this long is a mistake or an attack.</summary>
    public const int ListEntriesMax = 1024;

    /// <summary>The kernel's IFNAMSIZ less the final zero.</summary>
    private const int InterfaceNameMax = 15;

    /// <summary>useradd's limit.</summary>
    private const int UserNameMax = 32;

    /// <summary>A complaint shows this much of a hostile value.</summary>
    private const int ShownMax = 64;

    public string Text(string name) => values[name].Text;

    public bool Switch(string name) => values[name].Text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw Refuse(values[name], values[name].Text, "must be true or false"),
    };

    public ushort Port(string name) => ParsePort(values[name], values[name].Text);

    public ImmutableArray<ushort> Ports(string name) =>
        [.. List(values[name]).Select(entry => ParsePort(values[name], entry))];

    public PortSelection PortsOrAll(string name) =>
        values[name].Text.Trim() == "*" ? PortSelection.All : new PortSelection(false, Ports(name));

    public CidrSelection CidrsOrAll(string name) =>
        values[name].Text.Trim() == "*" ? CidrSelection.All : Cidrs(name);

    public CidrSelection Cidrs(string name)
    {
        IpCidr[] all = [.. List(values[name]).Select(entry => ParseCidr(values[name], entry))];
        return new CidrSelection(false, [.. all.Where(c => c.IsV4)], [.. all.Where(c => !c.IsV4)]);
    }

    public ImmutableArray<string> Interfaces(string name) =>
        [.. List(values[name]).Select(entry => CheckInterface(values[name], entry))];

    public ImmutableArray<string> Owners(string name) =>
        [.. List(values[name]).Select(entry => CheckOwner(values[name], entry))];

    /// <summary>Null for `auto`: the machine's own.</summary>
    public DnsServers? DnsServers(string name)
    {
        if (values[name].Text == "auto")
        {
            return null;
        }

        string[] servers = [.. List(values[name])];
        foreach (string server in servers)
        {
            if (!IpCidr.TryParseAddress(server, out IPAddress? _))
            {
                throw Refuse(values[name], server, "must be an IP address such as 10.96.0.10");
            }
        }

        return Rules.DnsServers.From(servers);
    }

    public uint Number(string name, uint min)
    {
        string text = values[name].Text;
        bool ok = uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number >= min;
        return ok ? number : throw Refuse(values[name], text, $"must be a number from {min} to {uint.MaxValue}");
    }

    public TimeSpan Duration(string name)
    {
        string text = values[name].Text;
        return GoDuration.TryParse(text, out TimeSpan value) && value > TimeSpan.Zero
            ? value
            : throw Refuse(values[name], text, "must be a positive duration such as 5s or 500ms");
    }

    public string OneOf(string name, params string[] allowed)
    {
        string text = values[name].Text;
        return allowed.Contains(text)
            ? text
            : throw Refuse(values[name], text, "must be one of: " + string.Join(", ", allowed.Select(a => $"'{a}'")));
    }

    public static ImmutableArray<string> Groups(string variable, string text)
    {
        var value = new FlagValue(variable, text);
        return [.. List(value).Select(entry => CheckOwner(value, entry))];
    }

    public static IpCidr LoopbackCidr(string variable, string text)
    {
        var value = new FlagValue(variable, text);
        IpCidr cidr = ParseCidr(value, text);
        return cidr is { IsV4: true, IsLoopback: true, PrefixBits: >= 8 }
            ? cidr
            : throw Refuse(value, text, "must be an IPv4 loopback range with a mask from /8 to /32");
    }

    public static CaptureException Refuse(FlagValue flag, string value, string rule)
    {
        string shown = value.Length > ShownMax ? value[..ShownMax] + "..." : value;
        string printable = string.Concat(shown.Select(c => c is < ' ' or > '~' ? $"\\x{(int)c:x2}" : c.ToString()));
        return new CaptureException($"{flag.Source}: '{printable}' {rule}.");
    }

    private static IEnumerable<string> List(FlagValue value)
    {
        string[] entries = value.Text.Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (entries.Length > ListEntriesMax)
        {
            throw new CaptureException(
                $"{value.Source}: the list has {entries.Length} entries; at most {ListEntriesMax} are allowed, since every "
                + "packet walks through all of them. Use ranges, or '*'.");
        }

        return entries.Select(entry => entry.Trim(' ')).Where(entry => entry.Length > 0);
    }

    private static ushort ParsePort(FlagValue flag, string text)
    {
        bool ok = ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0;
        return ok ? port : throw Refuse(flag, text, "must be a port from 1 to 65535");
    }

    private static IpCidr ParseCidr(FlagValue flag, string text) =>
        IpCidr.TryParse(text, out IpCidr cidr)
            ? cidr
            : throw Refuse(flag, text, "must be a range such as 10.0.0.0/8 or 2001:db8::/32");

    private static string CheckInterface(FlagValue flag, string text)
    {
        bool ok = text.Length <= InterfaceNameMax
            && text[0] != '-'
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '@' or ':' or '+');
        return ok ? text : throw Refuse(flag, text, $"must be an interface name of at most {InterfaceNameMax} characters");
    }

    private static string CheckOwner(FlagValue flag, string text)
    {
        bool isNumber = uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);
        bool isName = text.Length <= UserNameMax
            && (char.IsAsciiLetter(text[0]) || text[0] == '_')
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
        return isNumber || isName ? text : throw Refuse(flag, text, "must be an id or the name of a user or group");
    }
}
