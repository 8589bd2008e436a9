using Pilotfish.Bench.Peers;

// Runs the proxies side by side; see bench/peers/run.sh.
BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (ArgumentException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 64;
}

string directory = Directory.CreateTempSubdirectory("pilotfish-bench-").FullName;
try
{
    Console.WriteLine($"Proxies on core 0, load and backend on core 1; {options.Rounds} rounds of {options.Seconds} s, interleaved.");
    var bench = new Bench(options, directory);
    foreach (string mode in options.Modes)
    {
        if (mode == "memory")
        {
            new MemoryBench(options, directory).Run();
            continue;
        }

        if (mode == "logs")
        {
            using var logs = new LogBench(options, directory);
            logs.Run();
            continue;
        }

        bench.Run(mode);
    }

    if (options.Record is { } record)
    {
        RatioRecord.Write(record, bench.Ratios);
    }

    return options.Gate is not { } gate || RatioRecord.Passes(gate, bench.Ratios) ? 0 : 1;
}
finally
{
    Directory.Delete(directory, recursive: true);
}
