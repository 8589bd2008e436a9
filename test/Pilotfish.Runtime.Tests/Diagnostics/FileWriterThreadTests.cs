using System.Text;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Diagnostics;

public sealed class FileWriterThreadTests : IDisposable
{
    private static readonly FileWriterOptions s_never = new() { FlushInterval = TimeSpan.FromHours(1), BufferBytes = 4096, FlushBytesMin = 4096 };

    private readonly string _directory = Directory.CreateTempSubdirectory("runtime-writer").FullName;

    private string Path1 => Path.Combine(_directory, "access.log");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Write_ManyThreads_KeepsEveryLineWhole()
    {
        const int Threads = 4;
        const int Lines = 5000;
        using (FileWriterThread writer = FileWriterThread.Open(Path1, new FileWriterOptions { FlushInterval = TimeSpan.FromMilliseconds(1) }))
        {
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(id => new Thread(() =>
            {
                for (int i = 0; i < Lines; i++)
                {
                    byte[] line = Encoding.ASCII.GetBytes($"{id} {i} {new string((char)('a' + id), i % 90)}\n");
                    while (!writer.Write(line))
                    {
                        Thread.Yield();
                    }
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
        }

        int[] next = new int[Threads];
        foreach (string line in File.ReadLines(Path1))
        {
            string[] parts = line.Split(' ');
            int id = int.Parse(parts[0]);
            Assert.Equal(next[id]++, int.Parse(parts[1]));
            Assert.Equal(new string((char)('a' + id), (next[id] - 1) % 90), parts[2]);
        }

        Assert.All(next, count => Assert.Equal(Lines, count));
    }

    // A thread that waits (for a write, a lock, an event) gives up its processor by itself, and the kernel counts that; however busy the machine
    // is, it never takes it away as such a one.
    [Fact]
    public void Write_ReaderIsStuck_CallerNeverWaits()
    {
        const int Lines = 50_000;
        Assert.True(PipeCalls.TryOpen(4096, out int reader, out int pipe, out _));
        FileWriterThread writer = FileWriterThread.ForDescriptor(
            pipe, "stuck", new FileWriterOptions { BufferBytes = 64 * 1024, FlushBytesMin = 4096, FlushInterval = TimeSpan.FromMilliseconds(1) });
        byte[] line = [.. Enumerable.Repeat((byte)'x', 399), (byte)'\n'];
        int taken = 0;
        for (int i = 0; i < 1000; i++)
        {
            writer.Write(line);
        }

        long before = VoluntarySwitches();
        for (int i = 0; i < Lines; i++)
        {
            taken += writer.Write(line) ? 1 : 0;
        }

        long waits = VoluntarySwitches() - before;
        Assert.InRange(writer.DroppedLines, Lines - taken, Lines - taken + 1000);
        Assert.True(taken < 1000, $"{taken} lines were taken by a pipe that nobody reads.");

        // Garbage collections that other tests cause stop this thread, too: a few, where a wait per line, or per batch, would be hundreds.
        Assert.InRange(waits, 0, 50);
        FileCalls.Close(reader);
        writer.Dispose();
        FileCalls.Close(pipe);
    }

    [Fact]
    public void WakeSignal_SetBeforeOrWhileWaiting_EndsOneWait()
    {
        using var signal = new WakeSignal();
        Assert.False(signal.Wait(TimeSpan.Zero));
        signal.Set();
        signal.Set();
        Assert.True(signal.Wait(null));
        Assert.False(signal.Wait(TimeSpan.FromMilliseconds(1)));
        var setter = new Thread(signal.Set);
        setter.Start();
        Assert.True(signal.Wait(Patience.Limit));
        setter.Join();
        signal.Dispose();
        signal.Set();
    }

    [Fact]
    public void Write_BelowTheThreshold_WaitsForFlush()
    {
        using FileWriterThread writer = FileWriterThread.Open(Path1, s_never);
        Assert.True(writer.Write("line\n"u8));
        Assert.Equal("", File.ReadAllText(Path1));
        Assert.True(writer.Flush(Patience.Limit));
        Assert.Equal("line\n", File.ReadAllText(Path1));
    }

    [Fact]
    public void Write_AfterAllWasWritten_WakesTheRestingThread()
    {
        using FileWriterThread writer = FileWriterThread.Open(Path1, new FileWriterOptions { FlushInterval = TimeSpan.FromMilliseconds(1) });
        for (int i = 1; i <= 200; i++)
        {
            // Every other line comes while the thread is about to rest.
            Assert.True(i % 2 == 0 || SpinWait.SpinUntil(() => writer.IsResting, Patience.Limit));
            Assert.True(writer.Write("line\n"u8));
            Assert.True(SpinWait.SpinUntil(() => writer.WrittenBytes == i * 5, Patience.Limit), $"line {i} was not written");
        }

        Assert.InRange(writer.TimedFlushes, 1, 200);
    }

    [Fact]
    public void Dispose_GatheredLines_AreWritten()
    {
        using (FileWriterThread writer = FileWriterThread.Open(Path1, s_never))
        {
            writer.Write("last words\n"u8);
        }

        Assert.Equal("last words\n", File.ReadAllText(Path1));
    }

    [Fact]
    public void Write_ReaderOfThePipeStuck_DropsAndCountsButNeverBlocks()
    {
        Assert.True(PipeCalls.TryOpen(4096, out int readEnd, out int writeEnd, out _));
        using (FileWriterThread writer = FileWriterThread.ForDescriptor(writeEnd, "stuck", s_never with { FlushBytesMin = 1 }))
        {
            byte[] line = new byte[1000];
            // The pipe, the writer's half and the open half fill; then lines are dropped, and this loop ends.
            while (writer.DroppedLines < 100)
            {
                writer.Write(line);
            }

            Assert.True(writer.DroppedBytes >= 100 * line.Length);
            FileCalls.Close(readEnd);
        }

        FileCalls.Close(writeEnd);
    }

    [Fact]
    public void Write_ClosedPipe_IsCountedAndLaterLinesAreTried()
    {
        Assert.True(PipeCalls.TryOpen(4096, out int readEnd, out int writeEnd, out _));
        FileCalls.Close(readEnd);
        using FileWriterThread writer = FileWriterThread.ForDescriptor(writeEnd, "closed", s_never);
        writer.Write("one\n"u8);
        Assert.True(writer.Flush(Patience.Limit));
        Assert.Equal(4, writer.DroppedBytes);
        writer.Write("two\n"u8);
        Assert.True(writer.Flush(Patience.Limit));
        Assert.Equal(8, writer.DroppedBytes);
        FileCalls.Close(writeEnd);
    }

    [Fact]
    public void Write_FullDisk_IsCounted()
    {
        using FileWriterThread writer = FileWriterThread.Open("/dev/full", s_never);
        writer.Write("no room\n"u8);
        Assert.True(writer.Flush(Patience.Limit));
        Assert.Equal((8, 1, 0), (writer.DroppedBytes, writer.FailedWrites, writer.Writes));
    }

    [Fact]
    public void Reopen_AfterRotation_WritesToTheNewFile()
    {
        using FileWriterThread writer = FileWriterThread.Open(Path1, s_never);
        writer.Write("old\n"u8);
        Assert.True(writer.Flush(Patience.Limit));
        File.Move(Path1, Path1 + ".1");
        writer.PostReopen();
        Assert.True(writer.Flush(Patience.Limit));
        writer.Write("new\n"u8);
        Assert.True(writer.Flush(Patience.Limit));
        Assert.Equal("old\n", File.ReadAllText(Path1 + ".1"));
        Assert.Equal("new\n", File.ReadAllText(Path1));
    }

    [Fact]
    public void Reopen_UnderLoad_LosesAndSplitsNoLine()
    {
        const int Threads = 2;
        const int Lines = 20_000;
        const int Rotations = 20;
        int rotated = 0;
        using (FileWriterThread writer = FileWriterThread.Open(Path1, new FileWriterOptions { FlushInterval = TimeSpan.FromMilliseconds(1) }))
        {
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(id => new Thread(() =>
            {
                for (int i = 0; i < Lines; i++)
                {
                    byte[] line = Encoding.ASCII.GetBytes($"{id} {i} {new string((char)('a' + id), i % 90)}\n");
                    while (!writer.Write(line))
                    {
                        Thread.Yield();
                    }
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            while (rotated < Rotations)
            {
                // The new file appears when the writer has taken notice.
                File.Move(Path1, $"{Path1}.{rotated++:00}");
                writer.PostReopen();
                Assert.True(SpinWait.SpinUntil(() => File.Exists(Path1), Patience.Limit));
            }

            Array.ForEach(threads, thread => thread.Join());
            Assert.Equal((0, 0), (writer.FailedReopens, writer.FailedWrites));
        }

        int[] next = new int[Threads];
        foreach (string line in Directory.GetFiles(_directory).Order(StringComparer.Ordinal)
            .OrderBy(path => path == Path1 ? 1 : 0).SelectMany(File.ReadLines))
        {
            string[] parts = line.Split(' ');
            int id = int.Parse(parts[0]);
            Assert.Equal(next[id]++, int.Parse(parts[1]));
            Assert.Equal(new string((char)('a' + id), int.Parse(parts[1]) % 90), parts[2]);
        }

        Assert.All(next, static count => Assert.Equal(Lines, count));
    }

    [Fact]
    public void Reopen_WhereNoFileCanBe_KeepsTheOldOne_AndIsCounted()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_directory, "logs")).FullName;
        string moved = Path.Combine(_directory, "moved");
        using FileWriterThread writer = FileWriterThread.Open(Path.Combine(folder, "a.log"), s_never);
        Directory.Move(folder, moved);
        writer.PostReopen();
        writer.Write("kept\n"u8);
        Assert.True(writer.Flush(Patience.Limit));
        Assert.Equal("kept\n", File.ReadAllText(Path.Combine(moved, "a.log")));
        Assert.Equal((1, 1), (writer.FailedReopens, writer.Writes));
    }

    [Fact]
    public void Open_MissingDirectory_SaysWhichFile() =>
        Assert.Contains("nowhere", Assert.Throws<IOException>(() =>
            FileWriterThread.Open(Path.Combine(_directory, "nowhere", "x.log"), s_never)).Message, StringComparison.Ordinal);

    [Fact]
    public void Write_LongerThanTheBuffer_IsDropped()
    {
        using FileWriterThread writer = FileWriterThread.Open(Path1, s_never);
        Assert.False(writer.Write(new byte[5000]));
        Assert.True(writer.Write("fits\n"u8) || writer.Flush(Patience.Limit));
    }

    private static long VoluntarySwitches()
    {
        const string Name = "voluntary_ctxt_switches:";
        return long.Parse(File.ReadLines("/proc/thread-self/status").First(static line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..]);
    }
}
