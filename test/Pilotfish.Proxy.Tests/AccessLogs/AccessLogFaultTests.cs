using Envoy.Config.Accesslog.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>A log that cannot be written costs log lines, never requests.</summary>
public sealed class AccessLogFaultTests
{
    private const int Requests = 500;

    [Fact]
    public void Disk_Full_RequestsGoOn() => ServeWithLogAt("/dev/full");

    [Fact]
    public void Pipe_NobodyReads_RequestsGoOnAndDropsAreCounted()
    {
        string pipe = Path.Combine(Directory.CreateTempSubdirectory("pilotfish-log-").FullName, "pipe");
        using (System.Diagnostics.Process made = System.Diagnostics.Process.Start("mkfifo", pipe))
        {
            made.WaitForExit();
        }

        // Open for reading and never read: 64 KiB fill it.
        using FileStream reader = new(pipe, FileMode.Open, FileAccess.ReadWrite);
        try
        {
            Assert.True(ServeWithLogAt(pipe, reader) > 0);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(pipe)!, recursive: true);
        }
    }

    private static long ServeWithLogAt(string path, FileStream? stuck = null)
    {
        long dropped = 0;
        var files = new AccessLogFiles(new FileWriterOptions { BufferBytes = 8 * 1024, FlushBytesMin = 1024 });
        LoopRunner.Run(async loop =>
        {
            var bench = new ProxyBench(loop, files);
            bench.Serve(hcm => hcm.AccessLog.Add(new AccessLog
            {
                Name = "file",
                TypedConfig = Any.Pack(new FileAccessLog { Path = path, Format = new string('x', 400) + "%RESPONSE_CODE%\n" }),
            }));
            TestClient client = bench.Connect();
            for (int i = 0; i < Requests; i++)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
            }

            dropped = bench.Counter("filesystem.write_dropped");
            Assert.Equal(Requests, dropped + bench.Counter("filesystem.write_buffered"));
        });
        if (stuck is not null)
        {
            // The writer ends only when what it holds has gone.
            Drain(stuck, files);
        }
        else
        {
            files.Dispose();
        }

        return dropped;
    }

    // The byte after the last record ends the reading: an empty pipe would hold a read for ever.
    private static void Drain(FileStream pipe, AccessLogFiles files)
    {
        var ends = new Thread(() =>
        {
            files.Dispose();
            using FileStream end = new(pipe.Name, FileMode.Open, FileAccess.Write);
            end.WriteByte(0);
        });
        ends.Start();
        byte[] buffer = new byte[64 * 1024];
        int count;
        do
        {
            count = pipe.Read(buffer);
        }
        while (!buffer.AsSpan(0, count).Contains((byte)0));

        ends.Join();
    }
}
