// type Net = regnet!(RegNetX-200MF, classes = 10);

type Net = ::regnet::builders::RegNet<
    ::regnet::builders::SimpleStem<3, 32>,
    (
        ::regnet::builders::XStage<1, 32, 24, 24, 8, 2>,
        ::regnet::builders::XStage<1, 24, 56, 56, 8, 2>,
        ::regnet::builders::XStage<4, 56, 152, 152, 8, 2>,
        ::regnet::builders::XStage<7, 152, 368, 368, 8, 2>,
    ),
    ::regnet::builders::Head<368, 10>,
>;
