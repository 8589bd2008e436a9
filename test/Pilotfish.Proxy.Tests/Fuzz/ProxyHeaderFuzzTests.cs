using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>PROXY headers: version 1 against a regular expression, version 2 against its lengths, and no prefix contradicts the whole.</summary>
public sealed partial class ProxyHeaderFuzzTests
{
    private static readonly NetAddress s_source = NetAddress.Parse("192.0.2.1:1111");
    private static readonly NetAddress s_destination = NetAddress.Parse("198.51.100.2:443");

    private static readonly Mutator s_headers = new(
        "PROXY TCP4 192.0.2.1 198.51.100.2 1111 443\r\nGET",
        "PROXY TCP6 2001:db8::1 ffff::2 65535 0\r\n",
        "PROXY UNKNOWN whatever\r\n",
        Encoding.Latin1.GetString(ProxyHeaderWriter.Version2(s_source, s_destination, [new(1, [1, 2]), new(0xEA, [])], out _)),
        Encoding.Latin1.GetString(ProxyHeaderWriter.Version2(
            NetAddress.Parse("[2001:db8::1]:1111"), NetAddress.Parse("[2001:db8::2]:443"), [], out _)));

    internal static FuzzTarget Headers { get; } = new("proxy-protocol", s_headers.Make, Check);

    [Fact]
    public void Header_AnyBytes_IsReadAsTheSpecificationSays() => FuzzRun.Run(Headers);

    private static void Check(byte[] input, Random random)
    {
        ProxyHeaderStatus status = ProxyHeaderParser.Parse(input, out ProxyHeader header);
        int length = random.Next(input.Length + 1);
        ProxyHeaderStatus part = ProxyHeaderParser.Parse(input.AsSpan(0, length), out ProxyHeader ofPart);
        if (part is not ProxyHeaderStatus.NeedMore)
        {
            Assert.Equal((status, header), (part, ofPart));
        }

        if (status != ProxyHeaderStatus.Done)
        {
            return;
        }

        Assert.InRange(header.Length, 1, input.Length);
        if (input[0] != 'P')
        {
            Assert.Equal(16 + ((input[14] << 8) | input[15]), header.Length);
            Assert.Equal(0x2, input[12] >> 4);
            return;
        }

        Match line = Line().Match(Encoding.Latin1.GetString(input));
        Assert.True(line.Success, "A line was taken that the grammar does not know.");
        Assert.Equal(line.Length, header.Length);
        Assert.Equal(line.Groups[1].Value != "UNKNOWN", header.HasAddresses);
        if (header.HasAddresses)
        {
            Assert.Equal(ushort.Parse(line.Groups[5].Value, null), header.Source.Port);
            Assert.Equal(ushort.Parse(line.Groups[6].Value, null), header.Destination.Port);
            Assert.Equal(NetAddress.From(IPAddress.Parse(line.Groups[3].Value), header.Source.Port), header.Source);
        }
    }

    [GeneratedRegex(@"\APROXY (?:(UNKNOWN)(?: [\s\S]*?)?|(TCP[46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) ([0-9]+) ([0-9]+))\r\n")]
    private static partial Regex Line();
}
