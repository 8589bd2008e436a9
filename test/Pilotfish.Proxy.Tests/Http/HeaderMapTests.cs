using System.Text;
using Pilotfish.Proxy.Http;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class HeaderMapTests
{
    private const int Rounds = 40;
    private const int Steps = 60;

    // Of both words that tell which well-known headers there are.
    private static readonly WellKnownHeader[] s_headers =
    [
        WellKnownHeader.Method, WellKnownHeader.Host, WellKnownHeader.ContentLength, WellKnownHeader.XEnvoyRetryOn,
        WellKnownHeader.XEnvoyForceTrace, (WellKnownHeader)63, (WellKnownHeader)64, (WellKnownHeader)65, (WellKnownHeader)(WellKnownHeaders.Count - 1),
    ];

    [Fact]
    public void EachWellKnownHeader_AloneInAMap_IsTheOnlyOneThere()
    {
        var map = new HeaderMap();
        for (int i = 1; i < WellKnownHeaders.Count; i++)
        {
            map.Clear();
            map.Add((WellKnownHeader)i, "x"u8);
            for (int other = 1; other < WellKnownHeaders.Count; other++)
            {
                Assert.Equal(other == i, map.Has((WellKnownHeader)other));
                Assert.Equal(other == i ? 0 : -1, map.FindSlot((WellKnownHeader)other));
            }

            Assert.True(map.Remove((WellKnownHeader)i));
            Assert.False(map.Has((WellKnownHeader)i));
        }
    }

    [Fact]
    public void AnyChanges_InAnyOrder_LeaveWhatAListWouldHold()
    {
        var random = new Random(7);
        var map = new HeaderMap();
        for (int round = 0; round < Rounds; round++)
        {
            map.Clear();
            var list = new List<(WellKnownHeader Header, string Value)>();
            for (int step = 0; step < Steps; step++)
            {
                Change(map, list, s_headers[random.Next(s_headers.Length)], random.Next(6), $"v{step}");
                Compare(map, list);
            }
        }
    }

    private static void Change(HeaderMap map, List<(WellKnownHeader Header, string Value)> list, WellKnownHeader header, int what, string text)
    {
        byte[] value = Encoding.ASCII.GetBytes(text);
        int first = list.FindIndex(entry => entry.Header == header);
        switch (what)
        {
            case 0 or 1:
                map.Add(header, value);
                list.Add((header, text));
                break;
            case 2:
                map.Set(header, value);
                if (first < 0)
                {
                    list.Add((header, text));
                    break;
                }

                list[first] = (header, text);
                for (int i = list.FindLastIndex(entry => entry.Header == header); i > first; i = list.FindLastIndex(entry => entry.Header == header))
                {
                    list.RemoveAt(i);
                }

                break;
            case 3:
                Assert.Equal(list.RemoveAll(entry => entry.Header == header) > 0, map.Remove(header));
                break;
            case 4 when first >= 0:
                map.RemoveAt(map.FindSlot(header));
                list.RemoveAt(first);
                break;
            default:
                map.AppendValue(header, ","u8, value);
                if (first < 0)
                {
                    list.Add((header, text));
                }
                else
                {
                    list[first] = (header, $"{list[first].Value},{text}");
                }

                break;
        }
    }

    private static void Compare(HeaderMap map, List<(WellKnownHeader Header, string Value)> list)
    {
        Assert.Equal(list.Count, map.Count);
        for (int i = 0; i < list.Count; i++)
        {
            Assert.Equal(list[i].Header, map.EntryAt(i).Known);
            Assert.Equal(list[i].Value, Encoding.ASCII.GetString(map.EntryAt(i).Value));
        }

        foreach (WellKnownHeader header in s_headers)
        {
            string[] expected = [.. list.Where(entry => entry.Header == header).Select(entry => entry.Value)];
            var found = new List<string>();
            for (int slot = map.FindSlot(header); slot >= 0; slot = map.FindSlot(header, slot + 1))
            {
                found.Add(Encoding.ASCII.GetString(map.At(slot).Value));
            }

            Assert.Equal(expected, found);
            Assert.Equal(expected.Length > 0, map.Has(header));
            Assert.Equal(expected.FirstOrDefault(), map.GetText(header));
        }
    }
}
